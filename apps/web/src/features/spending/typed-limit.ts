/** A limit on spending while it is typed. Pure. */
import type { SpendingLimit } from "@samovar/contracts";
import { parseTokens, parseUsd, toTokensInput, toUsdInput } from "@samovar/domain/spending-text";
import * as z from "zod";

/** A limit as it is typed. */
export const typedLimit = z.object({ usd: z.string().max(40), tokens: z.string().max(40) }).readonly();
export type TypedLimit = z.infer<typeof typedLimit>;

export const toTyped = (limit: SpendingLimit | null): TypedLimit => ({
  usd: toUsdInput(limit?.costMicros ?? null),
  tokens: toTokensInput(limit?.tokens ?? null),
});

/** Null when one of the fields isn't valid; each field says so itself. */
export function readTyped({ usd, tokens }: TypedLimit): SpendingLimit | null {
  const [costMicros, count] = [parseUsd(usd), parseTokens(tokens)];
  return costMicros === undefined || count === undefined ? null : { costMicros, tokens: count };
}
