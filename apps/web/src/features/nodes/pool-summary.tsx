/** The pool in five figures. */
import type { NodeView } from "@samovar/contracts";
import { useQuery } from "@tanstack/react-query";
import { spendingQuery } from "../../api/nodes.ts";
import { useNow } from "../../ui/use-now.ts";
import { formatPrices } from "./node-facts.tsx";
import { summarizePool } from "./node-usage.ts";

const DAY_STEP_MS = 60_000;

export function PoolSummary({ nodes }: { readonly nodes: readonly NodeView[] }) {
  const now = useNow(DAY_STEP_MS);
  const { data: today } = useQuery(spendingQuery(new Date(now).setHours(0, 0, 0, 0)));
  const { working, warm, booting, perHour } = summarizePool(nodes);
  const figures = [
    ["Working", working],
    ["Warm", warm],
    ["Booting", booting],
    ["Cost per hour", formatPrices(perHour, nodes.length)],
    ["Spent today", today === undefined ? "–" : formatPrices(today.spent, today.nodes)],
  ] as const;
  return (
    <dl className="grid grid-cols-6 gap-px overflow-hidden rounded-xl border border-hairline bg-hairline tablet:grid-cols-5">
      {figures.map(([name, value], index) => (
        <div
          key={name}
          className={`flex flex-col gap-0.5 bg-raised px-4 py-3 tablet:col-span-1 ${index < 3 ? "col-span-2" : "col-span-3"}`}
        >
          <dt className="text-small text-ink-3">{name}</dt>
          <dd className="text-page font-semibold tabular-nums">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
