/** What was spent today and this month, and how much of the day's limit that is. */
import type { SpendingLimit, SpentAmount } from "@samovar/contracts";
import { formatCount, getUsedShare, NEAR_LIMIT } from "@samovar/domain/budget";
import { explainSpent, formatLimit, formatSpent } from "@samovar/domain/spending-text";
import { clsx } from "clsx";

interface SumsProps {
  readonly today: SpentAmount;
  readonly month: SpentAmount;
  readonly limit: SpendingLimit;
}

export function Sums({ today, month, limit }: SumsProps) {
  const share = getUsedShare(limit, today);
  const note = explainSpent(month);
  return (
    <div className="flex flex-col gap-2">
      <dl className="grid grid-cols-2 gap-3">
        <Sum name="Today" spent={today} note={share === null ? "no limit" : `of ${formatLimit(limit)}`} />
        <Sum name="This month" spent={month} note="" />
      </dl>
      {share !== null && <Bar share={share} />}
      {note !== "" && <p className="text-small text-ink-3">This month, {note}</p>}
    </div>
  );
}

function Sum({ name, spent, note }: { readonly name: string; readonly spent: SpentAmount; readonly note: string }) {
  return (
    <div className="rounded-lg border border-hairline px-3.5 py-2.5">
      <dt className="text-small text-ink-3">{name}</dt>
      <dd className="flex flex-col">
        <span className="text-title font-semibold tabular-nums wrap-anywhere">{formatSpent(spent) || "Nothing"}</span>
        <span className="text-small text-ink-2 tabular-nums">
          {[spent.tokens === 0 ? "" : `${formatCount(spent.tokens)} tokens`, note].filter(Boolean).join(" · ")}
        </span>
      </dd>
    </div>
  );
}

function Bar({ share }: { readonly share: number }) {
  const percent = Math.min(100, Math.floor(share * 100));
  return (
    <div
      role="meter"
      aria-label="Used of today's limit"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      className="h-1.5 overflow-hidden rounded-full bg-inset"
    >
      <div
        className={clsx(
          "h-full rounded-full",
          share >= 1 ? "bg-failed" : share >= NEAR_LIMIT ? "bg-working" : "bg-accent",
        )}
        style={{ width: `${percent}%` }}
      />
    </div>
  );
}
