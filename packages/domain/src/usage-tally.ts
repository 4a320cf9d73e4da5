/** What a session has used, as its agent tells it bit by bit, also when the agent was started again in between. Pure. */
import type { Usage } from "@samovar/contracts";
import type { Fields } from "./acp-update.ts";
import { toFields } from "./acp-update.ts";

export interface UsageTally {
  readonly usage: Usage;
  /** What was spent by the agent's earlier lives, in the currency of `usage.cost`. */
  readonly costBefore: number;
}

/**
 * The newest figure of each kind stands. An agent's cost only ever grows: one that is lower than the last was
 * counted from nothing again, by an agent that was started anew.
 */
export function addUsage(tally: UsageTally | null, told: Usage): UsageTally {
  const { usage = {}, costBefore = 0 } = tally ?? {};
  if (told.cost === undefined) return { usage: { ...usage, ...told }, costBefore };
  const { amount, currency } = told.cost;
  const isSameCurrency = usage.cost?.currency === currency;
  const last = isSameCurrency ? (usage.cost?.amount ?? 0) : 0;
  const before = isSameCurrency ? costBefore : 0;
  const carried = amount < last - before ? last : before;
  return { usage: { ...usage, ...told, cost: { amount: carried + amount, currency } }, costBefore: carried };
}

/** The tokens that ACP's answer to a prompt tells: its own `usage`, or the counts that Gemini puts beside it. */
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
