/** Spending as people read and type it. Pure. */
import type { SpendingLimit, SpentAmount } from "@samovar/contracts";
import { formatCount, formatMicros, isLimited } from "./budget.ts";

/** "$0.42", "12k tokens, cost unknown", or both; "" when nothing was spent. */
export function formatSpent({ costMicros, tokens, unpricedTokens, unmeteredCalls }: SpentAmount): string {
  if (tokens === 0) return unmeteredCalls === 0 ? "" : `${formatCalls(unmeteredCalls)} without usage, cost unknown`;
  if (unpricedTokens === tokens) return `${formatCount(tokens)} tokens, cost unknown`;
  const unknown = unpricedTokens > 0 || unmeteredCalls > 0 ? "at least " : "";
  return `${unknown}${formatMicros(costMicros)}`;
}

/** What {@link formatSpent} cannot say in a word; "" when there is nothing. */
export function explainSpent({ unpricedTokens, unmeteredCalls }: SpentAmount): string {
  const parts = [
    unpricedTokens === 0 ? null : `${formatCount(unpricedTokens)} tokens are of models without a price`,
    unmeteredCalls === 0 ? null : `${formatCalls(unmeteredCalls)} did not report usage and is not counted`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? "" : `${parts.join("; ")}.`;
}

const formatCalls = (calls: number): string => `${calls} model ${calls === 1 ? "call" : "calls"}`;

/** "$5.00", "2M tokens", "$5.00 or 2M tokens", "no limit". */
export function formatLimit(limit: SpendingLimit): string {
  if (!isLimited(limit)) return "no limit";
  return [
    limit.costMicros === null ? null : formatMicros(limit.costMicros),
    limit.tokens === null ? null : `${formatCount(limit.tokens)} tokens`,
  ]
    .filter((part) => part !== null)
    .join(" or ");
}

const MAX_USD = 10_000_000;

/** Micro-dollars of "2.50" or "$2.50"; null for "" and "none"; undefined for what is neither. At least a micro-dollar. */
export function parseUsd(text: string): number | null | undefined {
  const amount = text.trim().replace(/^\$\s*/, "");
  if (amount === "" || amount.toLowerCase() === "none") return null;
  if (!/^\d{1,8}(?:\.\d{1,6})?$/.test(amount)) return undefined;
  const micros = Math.round(Number(amount) * 1e6);
  return micros > 0 && Number(amount) <= MAX_USD ? micros : undefined;
}

const UNITS: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, b: 1e9 };

/** "500000", "500k", "2M"; null for "" and "none"; undefined for what is neither. */
export function parseTokens(text: string): number | null | undefined {
  const given = text.trim().toLowerCase();
  if (given === "" || given === "none") return null;
  const [, digits = "", unit = ""] = /^(\d{1,15}(?:\.\d{1,3})?)\s*([kmb]?)$/.exec(given.replace(/[\s,_]/g, "")) ?? [];
  const tokens = Math.round(Number(digits) * (UNITS[unit] ?? 1));
  return digits !== "" && tokens > 0 && Number.isSafeInteger(tokens) ? tokens : undefined;
}

/** Micro-dollars as a person would type them: "2.5", "0.000001". */
export const toUsdInput = (micros: number | null): string =>
  micros === null ? "" : (micros / 1e6).toFixed(6).replace(/\.?0+$/, "");
export const toTokensInput = (tokens: number | null): string => (tokens === null ? "" : String(tokens));
