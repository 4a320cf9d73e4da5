/** What nodes cost: each hour that a node begins is paid whole. Pure. */
import type { Millis } from "@samovar/base";
import type { Price } from "@samovar/contracts";

const HOUR_MS = 3_600_000;
/** Decimals of a sum; providers quote less. */
const DECIMALS = 6;

export interface PaidTime {
  readonly pricePerHour: Price | null;
  readonly createdAt: Millis;
  /** Null while it is there. */
  readonly destroyedAt: Millis | null;
}

/** Hours that the node began from `since` until `now`; the first at the very beginning. */
export function countStartedHours(
  { createdAt, destroyedAt }: Omit<PaidTime, "pricePerHour">,
  now: Millis,
  since = 0,
): number {
  const end = Math.min(destroyedAt ?? now, now);
  if (end < createdAt) return 0;
  const begun = Math.max(1, hoursBefore(createdAt, end));
  return Math.max(0, begun - hoursBefore(createdAt, since));
}

const hoursBefore = (createdAt: Millis, at: Millis): number => Math.max(0, Math.ceil((at - createdAt) / HOUR_MS));

/** One sum for each currency; a node whose price is not known adds nothing. */
export function sumCost(nodes: readonly PaidTime[], now: Millis, since = 0): Price[] {
  const sums = new Map<string, number>();
  for (const node of nodes) {
    const { pricePerHour } = node;
    if (pricePerHour === null) continue;
    const cost = countStartedHours(node, now, since) * Number(pricePerHour.amount);
    if (Number.isFinite(cost)) sums.set(pricePerHour.currency, (sums.get(pricePerHour.currency) ?? 0) + cost);
  }
  return [...sums].map(([currency, sum]) => ({ currency, amount: sum.toFixed(DECIMALS) }));
}
