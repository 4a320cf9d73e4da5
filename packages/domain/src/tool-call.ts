/**
 * A tool call as it grows: updates patch it (what is absent stays), and it is shown as `ToolMetadata` that fits
 * the limit, marked when something was cut. Keeps M1 [F36].
 */
import type { FileDiff, ToolMetadata, Truncation } from "@samovar/contracts";
import { LIMITS } from "@samovar/contracts";
import type { ToolCallPatch } from "./acp-update.ts";
import { toFields } from "./acp-update.ts";
import { endsOfJson, headOfJson, jsonBytes, jsonTextBytes, storable } from "./text-limits.ts";
import type { Sha256 } from "./transcript-digest.ts";

/** Everything reported about a call so far, in full, except that only both ends of streamed output are kept. */
export interface ToolCall extends Omit<ToolCallPatch, "outputChunk"> {
  readonly streamed?: Streamed;
}

/** Both ends of what was streamed: an agent may stream for hours, and each chunk shows the call anew. */
interface Streamed {
  readonly head: string;
  readonly tail: string;
  /** Characters between them. */
  readonly dropped: number;
}

export interface ShownToolCall {
  readonly metadata: ToolMetadata;
  /** Over the JSON of the uncut metadata; null when nothing was cut. */
  readonly truncated: Truncation | null;
}

const MAX_NAME_CHARS = 200;
const MAX_TITLE_CHARS = 4000;
const MAX_DIFFS = 50;

/** `content` and `locations` replace earlier ones, chunks of output are joined; other fields stay unless reported. */
export function patchToolCall(call: ToolCall, { outputChunk, ...patch }: ToolCallPatch): ToolCall {
  if (outputChunk === undefined) return { ...call, ...patch };
  return { ...call, ...patch, streamed: streamMore(call.streamed ?? { head: "", tail: "", dropped: 0 }, outputChunk) };
}

const STREAMED_END_CHARS = 24 * 1024;

function streamMore({ head, tail, dropped }: Streamed, chunk: string): Streamed {
  const room = STREAMED_END_CHARS - head.length;
  const rest = tail + chunk.slice(room);
  const over = Math.max(0, rest.length - STREAMED_END_CHARS);
  return { head: head + chunk.slice(0, room), tail: rest.slice(over), dropped: dropped + over };
}

const streamedText = ({ head, tail, dropped }: Streamed): string =>
  dropped === 0 ? head + tail : `${head}\n[… ${dropped} characters are left out …]\n${tail}`;

export const isOver = (call: ToolCall): boolean => call.status === "success" || call.status === "error";

/** Paths below `cwd` are shown relative to it: the checkout's location on the node does not matter. */
export function showToolCall(call: ToolCall, cwd: string, sha256: Sha256): ShownToolCall {
  const whole = wholeMetadata(call, cwd);
  const bytes = jsonBytes(whole);
  const tooManyDiffs = (whole.diffs?.length ?? 0) > MAX_DIFFS;
  if (bytes <= LIMITS.toolMetadataMaxBytes && !tooManyDiffs) return { metadata: whole, truncated: null };
  return { metadata: cutMetadata(whole), truncated: { bytes, sha256: sha256(JSON.stringify(whole)) } };
}

function wholeMetadata(call: ToolCall, cwd: string): ToolMetadata {
  const within = (text: string) => removePrefix(text, `${cwd}/`);
  const diffs = (call.content?.diffs ?? []).map((diff) => storableDiff({ ...diff, path: within(diff.path) }));
  const tool = shorten(call.name ?? call.kind ?? "other", MAX_NAME_CHARS);
  const target = call.locations?.[0] ?? diffs[0]?.path ?? null;
  const output = outputText(call);
  const exitCode = call.exitCode ?? exitCodeOf(call.rawOutput);
  return {
    toolCallId: shorten(call.toolCallId, MAX_NAME_CHARS),
    tool,
    title: shorten(within(call.title ?? tool), MAX_TITLE_CHARS),
    target: target === null ? null : shorten(within(target), MAX_TITLE_CHARS),
    status: call.status ?? "pending",
    ...(isEmpty(call.rawInput) ? {} : { input: storable(JSON.stringify(call.rawInput)) }),
    ...(output === "" ? {} : { output }),
    ...(diffs.length === 0 ? {} : { diffs }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...((call.streamed?.dropped ?? 0) === 0 ? {} : { truncated: true }),
  };
}

const PATH_CHARACTER = /[\w.~/@+-]/;

/** Removes the prefix where a path begins: in a sandbox the checkout's path is short, and may be part of another path. */
function removePrefix(text: string, prefix: string): string {
  const [first = "", ...rest] = text.split(prefix);
  return rest.reduce(
    (done, part) => (PATH_CHARACTER.test(done.at(-1) ?? "") ? done + prefix + part : done + part),
    first,
  );
}

/** The text for people; the raw output only where the agent gave nothing else. */
function outputText(call: ToolCall): string {
  const { content, rawOutput } = call;
  if (content !== undefined && (content.text !== "" || content.diffs.length > 0)) return storable(content.text);
  if (call.streamed !== undefined) return storable(streamedText(call.streamed));
  if (isEmpty(rawOutput)) return "";
  return storable(typeof rawOutput === "string" ? rawOutput : JSON.stringify(rawOutput));
}

function exitCodeOf(rawOutput: unknown): number | undefined {
  const output = toFields(rawOutput);
  return [output["exitCode"], output["exit_code"]].find((code): code is number => Number.isInteger(code));
}

function cutMetadata(whole: ToolMetadata): ToolMetadata {
  const { input, output, diffs, ...frame } = whole;
  const kept = (diffs ?? []).slice(0, MAX_DIFFS);
  const paths = kept.map((diff) => ({ path: diff.path, oldText: "", newText: "", truncated: true }));
  const fixed = jsonBytes({ ...frame, input: "", output: "", diffs: paths, truncated: true });
  const parts = [input, output, ...kept.flatMap((diff) => [diff.oldText, diff.newText])];
  const share = fairShare(
    parts.map((part) => jsonTextBytes(part ?? "")),
    Math.max(0, LIMITS.toolMetadataMaxBytes - fixed),
  );
  return {
    ...frame,
    ...(input === undefined ? {} : { input: headOfJson(input, share).text }),
    ...(output === undefined ? {} : { output: endsOfJson(output, share).text }),
    ...(kept.length === 0 ? {} : { diffs: kept.map((diff) => cutDiff(diff, share)) }),
    truncated: true,
  };
}

function cutDiff(diff: FileDiff, share: number): FileDiff {
  const before = diff.oldText === null ? null : headOfJson(diff.oldText, share);
  const after = headOfJson(diff.newText, share);
  const truncated = before?.cut === true || after.cut;
  return { path: diff.path, oldText: before?.text ?? null, newText: after.text, ...(truncated ? { truncated } : {}) };
}

/** The largest cap such that parts cut to it fit together: small parts leave their room to the big ones. */
function fairShare(sizes: readonly number[], room: number): number {
  let left = room;
  const ascending = sizes.toSorted((a, b) => a - b);
  for (const [index, size] of ascending.entries()) {
    const share = Math.floor(left / (ascending.length - index));
    if (size > share) return share;
    left -= size;
  }
  return room;
}

const storableDiff = (diff: FileDiff): FileDiff => ({
  path: shorten(diff.path, MAX_TITLE_CHARS),
  oldText: diff.oldText === null ? null : storable(diff.oldText),
  newText: storable(diff.newText),
});

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === "" ||
  (typeof value === "object" && Object.keys(value).length === 0);

/** Cut by characters, at a whole code point. */
function shorten(text: string, maxChars: number): string {
  const clean = storable(text);
  return clean.length <= maxChars ? clean : clean.slice(0, maxChars - 1).replace(/[\ud800-\udbff]$/, "") + "…";
}

/** The first line of a call's title: the message's content, so that a search finds it. */
export const getTitleLine = (metadata: ToolMetadata): string => metadata.title.split("\n", 1)[0] ?? "";
