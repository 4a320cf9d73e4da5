/** The pool over the last day: working, warm and booting nodes, stacked; a table has the same figures. */
import { clsx } from "clsx";
import type { PoolHistory } from "@samovar/contracts";
import { useQuery } from "@tanstack/react-query";
import { poolHistoryQuery } from "../../api/nodes.ts";
import { ErrorPanel } from "../errors/error-panel.tsx";
import { formatClock } from "../../lib/format-time.ts";
import { countNodes, getMaxNodes, POOL_KINDS, toPoolBars, toPoolHours, type PoolKind } from "./pool-bars.ts";

const LOOKS: Readonly<Record<PoolKind, { readonly word: string; readonly fill: string; readonly dot: string }>> = {
  working: { word: "Working", fill: "fill-done", dot: "bg-done" },
  warm: { word: "Warm", fill: "fill-working", dot: "bg-working" },
  booting: { word: "Booting", fill: "fill-queued", dot: "bg-queued" },
};

export function PoolChart() {
  const history = useQuery(poolHistoryQuery);
  if (history.data === undefined) {
    if (!history.isError) return null;
    const retry = () => void history.refetch();
    return <ErrorPanel what="Couldn't load the last 24 hours." error={history.error} onRetry={retry} />;
  }
  if (getMaxNodes(history.data.buckets) === 0) return null;
  return <Picture history={history.data} />;
}

function Picture({ history: { buckets } }: { readonly history: PoolHistory }) {
  return (
    <figure className="flex flex-col gap-2">
      <figcaption className="flex flex-wrap items-center justify-between gap-x-4 gap-y-1">
        <h2 className="text-title font-semibold">Last 24 hours</h2>
        <span aria-hidden="true" className="flex flex-wrap gap-x-4 text-small text-ink-2">
          {POOL_KINDS.toReversed().map((kind) => (
            <span key={kind} className="flex items-center gap-1.5">
              <span className={clsx("size-2.5 rounded-xs", LOOKS[kind].dot)} />
              {LOOKS[kind].word}
            </span>
          ))}
        </span>
      </figcaption>
      <Bars buckets={buckets} />
      <Hours buckets={buckets} />
    </figure>
  );
}

type Buckets = PoolHistory["buckets"];

function Bars({ buckets }: { readonly buckets: Buckets }) {
  const most = getMaxNodes(buckets);
  const quarters = [0, 0.25, 0.5, 0.75].map((share) => buckets[Math.floor(share * buckets.length)]?.at);
  return (
    <div aria-hidden="true" className="grid grid-cols-[1fr_auto] gap-x-2 text-small text-ink-3 tabular-nums">
      <svg
        viewBox={`0 0 ${buckets.length} ${most}`}
        preserveAspectRatio="none"
        className="block h-24 w-full border-y border-hairline"
      >
        {toPoolBars(buckets).map(({ kind, index, bottom, height }) => (
          <rect
            key={`${kind} ${index}`}
            x={index}
            y={most - bottom - height}
            width={BAR_WIDTH}
            height={height}
            className={LOOKS[kind].fill}
          />
        ))}
        {buckets.map((bucket, index) => (
          <rect key={bucket.at} x={index} width={1} height={most} className="fill-transparent">
            {countNodes(bucket) > 0 && <title>{formatBucket(bucket)}</title>}
          </rect>
        ))}
      </svg>
      <div className="flex flex-col justify-between leading-none">
        <span>{most}</span>
        <span>0</span>
      </div>
      <div className="flex pt-1">
        {quarters.map((at, index) => (
          <span key={index} className="flex-1">
            {at === undefined ? "" : formatClock(at)}
          </span>
        ))}
        <span className="-ms-8">now</span>
      </div>
    </div>
  );
}

/** In buckets: a gap between bars that touch. */
const BAR_WIDTH = 0.86;

function formatBucket(bucket: Buckets[number]): string {
  const parts = POOL_KINDS.flatMap((kind) =>
    bucket[kind] === 0 ? [] : [`${bucket[kind]} ${LOOKS[kind].word.toLowerCase()}`],
  );
  return `${formatClock(bucket.at)}: ${parts.join(", ")}`;
}

function Hours({ buckets }: { readonly buckets: Buckets }) {
  return (
    <table className="sr-only">
      <caption>The most nodes in each hour of the last 24 that had any</caption>
      <thead>
        <tr>
          <th scope="col">Hour</th>
          {POOL_KINDS.map((kind) => (
            <th key={kind} scope="col">
              {LOOKS[kind].word}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {toPoolHours(buckets).map((hour) => (
          <tr key={hour.at}>
            <th scope="row">{formatClock(hour.at)}</th>
            {POOL_KINDS.map((kind) => (
              <td key={kind}>{hour[kind]}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
