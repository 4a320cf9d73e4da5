/** What a task has spent on its model: in a word, with a mark when its limit is near. The gateway's count wins over the agent's. */
import type { TaskView } from "@samovar/contracts";
import { getUsedShare, NEAR_LIMIT } from "@samovar/domain/budget";
import { explainSpent, formatLimit, formatSpent } from "@samovar/domain/spending-text";
import { Gauge } from "lucide-react";
import { formatMoney } from "../../lib/format-price.ts";

interface SpentProps {
  readonly task: Pick<TaskView, "spending" | "output">;
  /** Whether the limit is named, if there is one. */
  readonly withLimit: boolean;
}

export function Spent({ task: { spending, output }, withLimit }: SpentProps) {
  const spent = spending === null ? "" : formatSpent(spending);
  if (spending === null || spent === "") {
    const reported = output?.usage?.cost;
    return reported === undefined ? null : (
      <span className="shrink-0 tabular-nums" title="Model cost as reported by the agent">
        {formatMoney(reported.amount, reported.currency)}
      </span>
    );
  }
  const share = getUsedShare(spending.limit, spending);
  const isNear = share !== null && share >= NEAR_LIMIT;
  const limit = share === null ? "" : ` of ${formatLimit(spending.limit)}`;
  const percent = share === null ? "" : ` ${Math.floor(share * 100)} % of the limit is used.`;
  return (
    <span
      className={isNear ? "inline-flex shrink-0 items-center gap-1 text-working tabular-nums" : "shrink-0 tabular-nums"}
      title={`Model cost, as counted by Samovar.${percent} ${explainSpent(spending)}`.trim()}
    >
      {isNear && (
        <Gauge size={14} className="shrink-0" role="img" aria-label={share < 1 ? "Near its limit" : "At its limit"} />
      )}
      {spent}
      {withLimit && limit}
    </span>
  );
}
