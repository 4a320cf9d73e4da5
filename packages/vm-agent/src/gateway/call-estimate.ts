/**
 * Estimates from its request what a model call may use at most. Calls in flight count as estimated until their replies report
 * usage. Not included: content that the request only references, such as an image's address, stored messages or hosted tools. Pure.
 */
import { parseJson } from "@samovar/base";
import type { ModelUsage } from "@samovar/contracts";
import { type Fields, toFields } from "@samovar/domain/acp-update";

/** Ordinary text has about four bytes in a token. */
const BYTES_PER_TOKEN = 3;
/** For a request that does not limit its output. */
const DEFAULT_OUTPUT_TOKENS = 32_768;
const MAX_DEPTH = 512;
/** The APIs' fields that limit the output. Gemini's is in `generationConfig`. */
const LIMITS = ["max_tokens", "max_output_tokens", "max_completion_tokens", "maxOutputTokens"] as const;

/** `path`: contains the model's name for Gemini. The input counts as written to a cache, its highest price. */
export function estimateCall(path: string, body: Buffer): ModelUsage {
  const fields = toFields(parseJson(body.toString("utf8"), MAX_DEPTH));
  const model = typeof fields["model"] === "string" ? fields["model"] : (/\/models\/([^/:?]+)/.exec(path)?.[1] ?? "");
  const cacheWriteTokens = Math.ceil(body.length / BYTES_PER_TOKEN);
  return { model, inputTokens: 0, outputTokens: getOutputLimit(fields), cacheReadTokens: 0, cacheWriteTokens };
}

function getOutputLimit(fields: Fields): number {
  const given = [fields, toFields(fields["generationConfig"])].flatMap((each) => LIMITS.map((name) => each[name]));
  const limits = given.filter((limit) => typeof limit === "number" && Number.isSafeInteger(limit) && limit >= 0);
  return limits.length === 0 ? DEFAULT_OUTPUT_TOKENS : Math.max(...limits.map(Number));
}
