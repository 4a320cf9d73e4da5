/**
 * How each model API reports the usage of a call: in the object of a whole reply, or spread over the events of a streamed one.
 * Only the fields that are read matter; anything else, and anything malformed, is passed over. Pure.
 */
import type { ModelApi, ModelUsage } from "@samovar/contracts";
import { toFields } from "@samovar/domain/acp-update";
import type { Fields } from "@samovar/domain/acp-update";

/** Collects the usage of one call. */
export interface UsageReader {
  /** Takes one object of the reply. Returns whether it is the last one that matters. */
  take(object: Fields): boolean;
  /** What was reported so far; null for nothing. */
  usage(): ModelUsage | null;
}

/** Only these calls are charged by tokens; the others count tokens or list models. */
const CHARGED: Readonly<Record<ModelApi, RegExp>> = {
  anthropic: /^\/v1\/messages$/,
  openai: /^\/v1\/(?:responses|responses\/compact|chat\/completions|completions|embeddings)$/,
  google: /:(?:generateContent|streamGenerateContent|embedContent|batchEmbedContents)$/,
};

const getAddress = (path: string): string => path.split("?", 1)[0] ?? "";

/** `path`: with its query. */
export const isCharged = (api: ModelApi, path: string): boolean => CHARGED[api].test(getAddress(path));

/** Null for a call that is not charged. `path`: with its query. */
export function createUsageReader(api: ModelApi, path: string): UsageReader | null {
  return isCharged(api, path) ? READERS[api](getAddress(path)) : null;
}

/** A text that every object with usage contains, so that the others need not be parsed. */
export const USAGE_MARKS: Readonly<Record<ModelApi, readonly string[]>> = {
  anthropic: ['"usage"', '"message_stop"'],
  openai: ['"usage"', "[DONE]"],
  google: ['"usageMetadata"'],
};

const READERS: Readonly<Record<ModelApi, (address: string) => UsageReader>> = {
  anthropic: createAnthropicReader,
  openai: createOpenAiReader,
  google: createGoogleReader,
};

/** `message_start` has the input, each `message_delta` the output so far; a whole reply has both. */
function createAnthropicReader(): UsageReader {
  let model: string | null = null;
  let seen: Fields | null = null;
  const add = (usage: unknown) => {
    const fields = toFields(usage);
    if (Object.keys(fields).length === 0) return;
    seen = Object.fromEntries(ANTHROPIC_COUNTS.map((name) => [name, toLarger(seen?.[name], fields[name])]));
  };
  return {
    take: (object) => {
      const message = toFields(object["message"]);
      model ??= toName(message["model"]) ?? toName(object["model"]);
      add(message["usage"]);
      add(object["usage"]);
      return object["type"] === "message_stop";
    },
    usage: () =>
      seen === null
        ? null
        : {
            model: model ?? UNNAMED,
            inputTokens: toCount(seen["input_tokens"]),
            outputTokens: toCount(seen["output_tokens"]),
            cacheReadTokens: toCount(seen["cache_read_input_tokens"]),
            cacheWriteTokens: toCount(seen["cache_creation_input_tokens"]),
          },
  };
}

const ANTHROPIC_COUNTS = [
  "input_tokens",
  "output_tokens",
  "cache_read_input_tokens",
  "cache_creation_input_tokens",
] as const;

/** Responses: in the last event's `response`. Chat Completions: in the last chunk, if the request asked for it. The last report counts. */
function createOpenAiReader(): UsageReader {
  let model: string | null = null;
  let last: Fields | null = null;
  return {
    take: (object) => {
      const response = toFields(object["response"]);
      model ??= toName(response["model"]) ?? toName(object["model"]);
      const usage = [response["usage"], object["usage"]].map(toFields).find((each) => Object.keys(each).length > 0);
      last = usage ?? last;
      return usage !== undefined && /^response\.(?:completed|incomplete|failed)$/.test(String(object["type"]));
    },
    usage: () => {
      if (last === null) return null;
      const all = toCount(last["input_tokens"] ?? last["prompt_tokens"]);
      const details = toFields(last["input_tokens_details"] ?? last["prompt_tokens_details"]);
      const cached = Math.min(all, toCount(details["cached_tokens"]));
      return {
        model: model ?? UNNAMED,
        // The input includes what was read from the cache.
        inputTokens: all - cached,
        outputTokens: toCount(last["output_tokens"] ?? last["completion_tokens"]),
        cacheReadTokens: cached,
        cacheWriteTokens: 0,
      };
    },
  };
}

/** Each object of a stream has the usage so far. A model thinks in output tokens of their own. */
function createGoogleReader(address: string): UsageReader {
  let model: string | null = null;
  let last: Fields | null = null;
  return {
    take: (object) => {
      model ??= toName(object["modelVersion"]);
      const usage = toFields(object["usageMetadata"]);
      if (Object.keys(usage).length > 0) last = { ...last, ...usage };
      return false;
    },
    usage: () => {
      if (last === null) return null;
      const prompt = toCount(last["promptTokenCount"]);
      const cached = Math.min(prompt, toCount(last["cachedContentTokenCount"]));
      return {
        model: model ?? toName(/\/models\/([^/:]+):/.exec(address)?.[1]) ?? UNNAMED,
        inputTokens: prompt - cached + toCount(last["toolUsePromptTokenCount"]),
        outputTokens: toCount(last["candidatesTokenCount"]) + toCount(last["thoughtsTokenCount"]),
        cacheReadTokens: cached,
        cacheWriteTokens: 0,
      };
    },
  };
}

const UNNAMED = "unknown model";
const MAX_COUNT = 1e12;

/** Whole, not negative and bounded, whatever the reply says. */
function toCount(value: unknown): number {
  if (typeof value !== "number" || !Number.isFinite(value) || value <= 0) return 0;
  return Math.min(MAX_COUNT, Math.ceil(value));
}

const toLarger = (a: unknown, b: unknown): number => Math.max(toCount(a), toCount(b));

// oxlint-disable-next-line no-control-regex -- control characters are what is replaced
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

const toName = (value: unknown): string | null =>
  typeof value === "string" && value.trim() !== "" ? value.trim().replace(CONTROL, "?").slice(0, 200) : null;
