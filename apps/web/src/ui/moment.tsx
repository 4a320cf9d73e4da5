/** A moment: how long ago, with the exact time at hand. */
import type { Millis } from "@samovar/base";
import { formatAgo, formatDuration, formatMoment } from "../lib/format-time.ts";
import { useNow } from "./use-now.ts";

const AGO_STEP_MS = 20_000;

export function Ago({ at }: { readonly at: Millis }) {
  const now = useNow(AGO_STEP_MS);
  return (
    <time dateTime={new Date(at).toISOString()} title={formatMoment(at)} className="tabular-nums">
      {formatAgo(at, now)}
    </time>
  );
}

/** Time since `from`, ticking. */
export function Elapsed({ from, everyMs = 1_000 }: { readonly from: Millis; readonly everyMs?: number }) {
  const now = useNow(everyMs);
  return <span className="tabular-nums">{formatDuration(now - from)}</span>;
}
