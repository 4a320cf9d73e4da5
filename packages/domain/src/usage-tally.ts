/** A session's total usage, added up from its agent's reports, also across restarts of the agent. Pure. */
import type { Usage } from "@samovar/contracts";
import type { Fields } from "./acp-update.ts";
import { toFields } from "./acp-update.ts";

export interface UsageTally {
  readonly usage: Usage;
  /** The cost of earlier agent processes, in the currency of `usage.cost`. */
  readonly costBefore: number;
}

/**
 * The newest value of each kind counts. An agent's cost only grows: one that is lower than the last was
 * counted from zero by a restarted agent.
 */
export function addUsage(tally: UsageTally | null, reported: Usage): UsageTally {
  const { usage = {}, costBefore = 0 } = tally ?? {};
  if (reported.cost === undefined) return { usage: { ...usage, ...reported }, costBefore };
  const { amount, currency } = reported.cost;
  const isSameCurrency = usage.cost?.currency === currency;
  const last = isSameCurrency ? (usage.cost?.amount ?? 0) : 0;
  const before = isSameCurrency ? costBefore : 0;
  const carried = amount < last - before ? last : before;
  return { usage: { ...usage, ...reported, cost: { amount: carried + amount, currency } }, costBefore: carried };
}

/** The tokens in ACP's answer to a prompt: its `usage`, or the counts that Gemini adds in `_meta`. */
export function readPromptUsage(answer: Fields): Usage {
  const own = toFields(answer["usage"]);
  const quota = toFields(toFields(toFields(answer["_meta"])["quota"])["token_count"]);
  const input = count(own["inputTokens"]) ?? count(quota["input_tokens"]);
  const output = count(own["outputTokens"]) ?? count(quota["output_tokens"]);
  const cached = count(own["cachedReadTokens"]);
  return {
    ...(input === undefined ? {} : { inputTokens: input }),
    ...(output === undefined ? {} : { outputTokens: output }),
    ...(cached === undefined ? {} : { cachedTokens: cached }),
  };
}

const count = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
