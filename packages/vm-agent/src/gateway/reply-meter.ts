/**
 * Reads the usage of one model call from a copy of its reply while the reply passes. Neither delays nor changes it. Whatever
 * cannot be read (another encoding, a huge or malformed reply, an API that does not report) counts as not metered.
 */
import { parseJson } from "@samovar/base";
import type { ModelApi, ModelUsage } from "@samovar/contracts";
import { toFields } from "@samovar/domain/acp-update";
import { EventStream } from "./event-stream.ts";
import { USAGE_MARKS, createUsageReader } from "./usage-readers.ts";

export interface ReplyHead {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
}

export interface ReplyMeter {
  push(bytes: Buffer): void;
  /** The reply is over, complete or not. */
  end(): void;
}

/** Characters of one event, and bytes of a reply that is not a stream. */
const MAX_SIZE = 16 * 1024 * 1024;
/** A reply's JSON may nest deeper than the API's own objects. */
const MAX_DEPTH = 512;

/**
 * `onUsage` is called once: as soon as the reply has reported everything, or at its end; with null if it reported nothing.
 * Returns null for a call that is not charged, or that the model refused.
 */
export function createReplyMeter(
  { api, path }: { readonly api: ModelApi; readonly path: string },
  head: ReplyHead,
  onUsage: (usage: ModelUsage | null) => void,
): ReplyMeter | null {
  const reader = createUsageReader(api, path);
  if (reader === null || head.status < 200 || head.status >= 300) return null;
  let isOver = false;
  const settle = () => {
    if (isOver) return;
    isOver = true;
    onUsage(reader.usage());
  };
  const take = (object: unknown) => {
    if (reader.take(toFields(object))) settle();
  };
  const body = createBody(api, head, take, settle);
  return {
    push: (bytes) => {
      if (!isOver) body?.push(bytes);
    },
    end: () => {
      if (!isOver) body?.end();
      settle();
    },
  };
}

/** Null when the reply cannot be read. */
function createBody(
  api: ModelApi,
  { contentType = "", contentEncoding = "identity" }: ReplyHead,
  take: (object: unknown) => void,
  settle: () => void,
): ReplyMeter | null {
  if (contentEncoding.trim().toLowerCase() !== "identity") return null;
  if (/^text\/event-stream\b/i.test(contentType)) {
    const marks = USAGE_MARKS[api];
    return new EventStream(MAX_SIZE, (data) => {
      if (data.trim() === "[DONE]") settle();
      else if (marks.some((mark) => data.includes(mark))) take(parseJson(data, MAX_DEPTH));
    });
  }
  return /^application\/(?:[\w.+-]*\+)?json\b/i.test(contentType) ? createWholeBody(take) : null;
}

/** Gemini streams without events as one list of objects. */
function createWholeBody(take: (object: unknown) => void): ReplyMeter {
  const parts: Buffer[] = [];
  let bytes = 0;
  return {
    push: (part) => {
      bytes += part.length;
      if (bytes > MAX_SIZE) parts.length = 0;
      else parts.push(part);
    },
    end: () => {
      if (bytes > MAX_SIZE) return;
      const value = parseJson(Buffer.concat(parts).toString("utf8"), MAX_DEPTH);
      for (const object of Array.isArray(value) ? value : [value]) take(object);
    },
  };
}
