/** The figures of a node: what runs on it, its age, what it has cost, what its outboxes hold. */
import type { NodeView, NodeWork, Price } from "@samovar/contracts";
import { Link } from "@tanstack/react-router";
import { clsx } from "clsx";
import { TriangleAlert } from "lucide-react";
import { formatPrice } from "../../lib/format-price.ts";
import { StatusIcon, labelStatus } from "../../ui/status-mark.tsx";
import { formatMoment } from "../../lib/format-time.ts";
import { useNow } from "../../ui/use-now.ts";
import { visibleText } from "../../lib/visible-text.ts";
import { getAgeShare, formatAge, getCostSoFar } from "./node-usage.ts";

const AGE_STEP_MS = 20_000;
/** Names that were made about the same time differ at their ends. */
const TAIL = 6;
/** What agents are held by; null: nothing. */
const BOUNDARIES = { sandbox: "Sandbox", docker: "Docker", process: null, unavailable: null, preparing: null } as const;

export function NodeName({ node }: { readonly node: NodeView }) {
  return (
    <span className="flex min-w-0 flex-col">
      <code className="flex font-mono text-code" title={visibleText(node.name)}>
        <span className="min-w-0 truncate">{visibleText(node.name.slice(0, -TAIL))}</span>
        <span className="shrink-0">{visibleText(node.name.slice(-TAIL))}</span>
      </code>
      <span className="text-small text-ink-3">
        {[node.size, node.location, node.runtime === null ? null : BOUNDARIES[node.runtime.kind]]
          .filter((part) => part !== null)
          .join(" · ")}
      </span>
    </span>
  );
}

export function NodeTasks({ node, running }: { readonly node: NodeView; readonly running: readonly NodeWork[] }) {
  return (
    <span className="flex min-w-0 flex-col gap-0.5">
      {running.length > 0 && (
        <ul className="flex flex-col gap-0.5">
          {running.map((work) => (
            <li key={work.taskId}>
              <TaskLink work={work} />
            </li>
          ))}
        </ul>
      )}
      <span className="text-small text-ink-3 tabular-nums">
        {node.taken} of {node.slots} slots in use
      </span>
    </span>
  );
}

export function TaskLink({ work }: { readonly work: NodeWork }) {
  const status = work.cancelRequested && work.status === "in_progress" ? "cancelling" : work.status;
  return (
    <span className="flex min-w-0 items-center gap-1.5">
      <StatusIcon status={status} size={14} />
      <span className="sr-only">{labelStatus(status)}</span>
      <Link
        to="/p/$project/s/$session"
        params={{ project: work.projectId, session: work.sessionId }}
        className="min-w-0 truncate text-accent hover:underline pointer-coarse:py-2.5"
      >
        {visibleText(work.title)}
      </Link>
    </span>
  );
}

/** Against the age at which it takes no more work. */
export function NodeAge({ node }: { readonly node: NodeView }) {
  const now = useNow(AGE_STEP_MS);
  const share = getAgeShare(node, now);
  const whole = formatAge(node.maxLifetimeAt - node.createdAt);
  return (
    <span className="flex min-w-30 flex-col gap-1">
      <span className="whitespace-nowrap tabular-nums">
        <time dateTime={new Date(node.createdAt).toISOString()} title={`Created ${formatMoment(node.createdAt)}`}>
          {formatAge(now - node.createdAt)}
        </time>{" "}
        <span className="text-ink-3">of {whole}</span>
      </span>
      <svg viewBox="0 0 100 4" preserveAspectRatio="none" className="h-1 w-full" aria-hidden="true">
        <rect width="100" height="4" className="fill-hairline" />
        <rect width={share * 100} height="4" className={share < 1 ? "fill-ink-3" : "fill-working"} />
      </svg>
    </span>
  );
}

export function NodePrice({ node }: { readonly node: NodeView }) {
  const now = useNow(AGE_STEP_MS);
  const soFar = getCostSoFar(node, now);
  if (soFar === null || node.pricePerHour === null) return <span className="text-ink-3">unknown</span>;
  return (
    <span className="flex flex-col tabular-nums">
      <span>{formatPrice(soFar)}</span>
      <span className="text-small whitespace-nowrap text-ink-3">{formatPrice(node.pricePerHour)} per hour</span>
    </span>
  );
}

export function NodeOutbox({ node }: { readonly node: NodeView }) {
  const { pending, deadLetters } = node.outbox;
  return (
    <span className="flex flex-col whitespace-nowrap tabular-nums">
      <span className={clsx(pending === 0 && "text-ink-3")}>
        {pending === 0 ? "empty" : `${pending.toLocaleString("en")} pending`}
      </span>
      {deadLetters > 0 && (
        <span className="inline-flex items-center gap-1 text-small font-medium text-failed">
          <TriangleAlert size={13} aria-hidden="true" />
          {deadLetters.toLocaleString("en")} rejected
        </span>
      )}
    </span>
  );
}

/** `€0.0357`, `€0.02 and $1.00`; a dash where no price of any node is known. */
export const formatPrices = (prices: readonly Price[], nodes: number): string =>
  prices.length > 0 ? prices.map(formatPrice).join(" and ") : nodes > 0 ? "–" : "0";
