/**
 * What a model call may use at most, from its request: calls under way are counted so until their replies have said what they
 * used. Not foreseen: what the request only names, such as a picture's address, stored messages, or a tool of the model's side. Pure.
 */
import { parseJson } from "@samovar/base";
import type { ModelUsage } from "@samovar/contracts";
import { type Fields, toFields } from "@samovar/domain/acp-update";

/** Ordinary text has about four bytes in a token. */
const BYTES_PER_TOKEN = 3;
/** For a request that does not limit its output. */
const DEFAULT_OUTPUT_TOKENS = 32_768;
const MAX_DEPTH = 512;
/** Of the APIs, by the names of their fields. Gemini has its own in `generationConfig`. */
const LIMITS = ["max_tokens", "max_output_tokens", "max_completion_tokens", "maxOutputTokens"] as const;

/** `path`: Gemini's has the model's name. The input counts as written to a cache, which is its highest price. */
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
