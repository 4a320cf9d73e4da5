/**
 * Parses a raw ACP `session/update` into what a transcript needs. Tolerant: an unreadable part is
 * left out, an unknown kind is `other`, and nothing throws, because agents are not trusted.
 */
import type { FileDiff, PlanEntries, ToolStatus, Usage } from "@samovar/contracts";

/** One update's changes to a tool call. An absent field is unchanged. */
export interface ToolCallPatch {
  readonly toolCallId: string;
  readonly name?: string;
  readonly kind?: string;
  readonly title?: string;
  readonly status?: ToolStatus;
  readonly content?: ToolContent;
  readonly locations?: readonly string[];
  /** More of its output, from agents that stream it separately from the content. */
  readonly outputChunk?: string;
  readonly exitCode?: number;
  readonly rawInput?: unknown;
  readonly rawOutput?: unknown;
}

export interface ToolContent {
  readonly text: string;
  readonly diffs: readonly FileDiff[];
}

export type AcpUpdate =
  | { readonly kind: "chunk"; readonly of: "text" | "thought"; readonly id: string | null; readonly text: string }
  | { readonly kind: "plan"; readonly entries: PlanEntries }
  | { readonly kind: "tool"; readonly begins: boolean; readonly patch: ToolCallPatch }
  | { readonly kind: "usage"; readonly usage: Usage }
  /** The agent echoes the user's message, which the control plane already has. */
  | { readonly kind: "echo" }
  | { readonly kind: "other" };

const OTHER: AcpUpdate = { kind: "other" };

export function readAcpUpdate(raw: unknown): AcpUpdate {
  const update = toFields(raw);
  switch (update["sessionUpdate"]) {
    case "agent_message_chunk":
      return readChunk("text", update);
    case "agent_thought_chunk":
      return readChunk("thought", update);
    case "user_message_chunk":
      return { kind: "echo" };
    case "plan":
      return Array.isArray(update["entries"]) ? { kind: "plan", entries: readPlan(update["entries"]) } : OTHER;
    case "tool_call":
      return readTool(true, update);
    case "tool_call_update":
      return readTool(false, update);
    case "usage_update":
      return { kind: "usage", usage: readUsage(update) };
    default:
      return OTHER;
  }
}

function readChunk(of: "text" | "thought", update: Fields): AcpUpdate {
  const text = blockText(update["content"]);
  return text === null ? OTHER : { kind: "chunk", of, id: textOf(update["messageId"]) ?? null, text };
}

/** A content block as plain text; null when it cannot be read. */
function blockText(raw: unknown): string | null {
  const block = toFields(raw);
  switch (block["type"]) {
    case "text":
      return textOf(block["text"]) ?? null;
    case "image":
      return "[image]";
    case "audio":
      return "[audio]";
    case "resource_link":
      return `[${textOf(block["name"]) ?? "resource"}](${textOf(block["uri"]) ?? ""})`;
    case "resource": {
      const resource = toFields(block["resource"]);
      return textOf(resource["text"]) ?? `[${textOf(resource["uri"]) ?? "resource"}]`;
    }
    default:
      return null;
  }
}

function readPlan(raw: readonly unknown[]): PlanEntries {
  return raw.flatMap((item) => {
    const entry = toFields(item);
    const content = textOf(entry["content"]);
    if (content === undefined) return [];
    const status = oneOf(["pending", "in_progress", "completed"], entry["status"]) ?? "pending";
    const priority = oneOf(["high", "medium", "low"], entry["priority"]);
    return [{ content, status, ...(priority === undefined ? {} : { priority }) }];
  });
}

function readUsage(update: Fields): Usage {
  const used = countOf(update["used"]);
  const size = countOf(update["size"]);
  const cost = toFields(update["cost"]);
  const [amount, currency] = [cost["amount"], cost["currency"]];
  const hasCost = typeof amount === "number" && Number.isFinite(amount) && typeof currency === "string";
  return {
    ...(used === undefined ? {} : { contextUsed: used }),
    ...(size === undefined ? {} : { contextSize: size }),
    ...(hasCost ? { cost: { amount, currency } } : {}),
  };
}

const STATUSES: Readonly<Record<string, ToolStatus>> = {
  pending: "pending",
  in_progress: "running",
  completed: "success",
  failed: "error",
};

function readTool(begins: boolean, update: Fields): AcpUpdate {
  const toolCallId = textOf(update["toolCallId"]);
  if (toolCallId === undefined || toolCallId === "") return OTHER;
  const status = textOf(update["status"]);
  const meta = toFields(update["_meta"]);
  const chunk = toFields(meta["terminal_output_delta"] ?? meta["terminal_output"]);
  const exitCode = toFields(meta["terminal_exit"])["exit_code"];
  const fields = {
    name: textOf(update["name"]) ?? textOf(toFields(meta["claudeCode"])["toolName"]),
    kind: textOf(update["kind"]),
    title: textOf(update["title"]),
    status: status === undefined || !Object.hasOwn(STATUSES, status) ? undefined : STATUSES[status],
    content: Array.isArray(update["content"]) ? readContent(update["content"]) : undefined,
    locations: Array.isArray(update["locations"]) ? readLocations(update["locations"]) : undefined,
    outputChunk: textOf(chunk["data"]),
    exitCode: typeof exitCode === "number" && Number.isInteger(exitCode) ? exitCode : undefined,
    rawInput: update["rawInput"] ?? undefined,
    rawOutput: update["rawOutput"] ?? undefined,
  };
  return { kind: "tool", begins, patch: { toolCallId, ...present(fields) } };
}

function readContent(raw: readonly unknown[]): ToolContent {
  const texts: string[] = [];
  const diffs: FileDiff[] = [];
  for (const item of raw.map(toFields)) {
    const text = item["type"] === "content" ? blockText(item["content"]) : null;
    if (text !== null) texts.push(text);
    const diff = item["type"] === "diff" ? readDiff(item) : null;
    if (diff !== null) diffs.push(diff);
  }
  return { text: texts.join("\n"), diffs };
}

function readDiff(item: Fields): FileDiff | null {
  const path = textOf(item["path"]);
  const newText = textOf(item["newText"]);
  if (path === undefined || newText === undefined) return null;
  return { path, oldText: textOf(item["oldText"]) ?? null, newText };
}

const readLocations = (raw: readonly unknown[]): readonly string[] =>
  raw.map((item) => textOf(toFields(item)["path"])).filter((path) => path !== undefined);

/** Fields of an untyped object; empty for anything else. */
export type Fields = Readonly<Record<string, unknown>>;

export function toFields(value: unknown): Fields {
  return isFields(value) ? value : {};
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
const countOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
const oneOf = <T extends string>(all: readonly T[], value: unknown): T | undefined => all.find((one) => one === value);

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };
function present<T extends object>(value: T): Present<T>;
function present(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined));
}
