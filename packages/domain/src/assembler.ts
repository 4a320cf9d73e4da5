/**
 * Turns raw ACP updates into a transcript: chunks extend one text, a plan replaces itself, and a tool call is one message
 * that its updates patch. Pure; the transcript keeps the order of the wire, and has `[redacted]` for each known secret.
 * Keeps M1, M2, S1 [R3].
 *
 *   chunk ──▶ text | thought   final when another of its kind begins
 *   plan  ──▶ plan             final when the turn ends
 *   tool  ──▶ tool             final when completed or failed; unfinished at the end: interrupted
 */
import type { MessageId, Millis } from "@samovar/base";
import { assertNever } from "@samovar/base";
import type { MessageKind, MessageRole, PlanEntries } from "@samovar/contracts";
import type { AcpUpdate, ToolCallPatch } from "./acp-update.ts";
import { readAcpUpdate } from "./acp-update.ts";
import type { GrowingText, RunningHash } from "./growing-text.ts";
import { finishText, growText, releaseText } from "./growing-text.ts";
import type { SecretRedactor } from "./secret-redactor.ts";
import { NOTHING_HELD } from "./secret-redactor.ts";
import type { EmittedMessage } from "./emitted-message.ts";
import { storable, utf8Bytes } from "./text-limits.ts";
import type { ToolCall } from "./tool-call.ts";
import { endToolCall, isOver, patchToolCall, showToolCall, getTitleLine } from "./tool-call.ts";
import type { Sha256 } from "./transcript-digest.ts";
import type { UsageTally } from "./usage-tally.ts";
import { addUsage } from "./usage-tally.ts";

export interface AssemblerPorts {
  /** The agent's working directory, absolute. */
  readonly cwd: string;
  messageId(): MessageId;
  readonly sha256: Sha256;
  readonly emptyHash: RunningHash;
  /** Of the secrets known at the time of the update. */
  readonly redactor: SecretRedactor;
}

interface OpenTool {
  readonly call: ToolCall;
  readonly message: EmittedMessage;
  readonly redactions: number;
}

interface OpenPlan {
  readonly message: EmittedMessage;
  readonly redactions: number;
}

export interface AssemblerState {
  readonly text: GrowingText | null;
  readonly thought: GrowingText | null;
  /** The text or thought that the last update grew: the one in flight. */
  readonly current: MessageId | null;
  readonly tools: ReadonlyMap<string, OpenTool>;
  /** Calls that have ended; late updates of them are ignored. */
  readonly overTools: readonly string[];
  readonly plan: OpenPlan | null;
  readonly usage: UsageTally | null;
  /** Redactions in messages that are final; see {@link countRedactions}. */
  readonly finalRedactions: number;
  /** The last assistant text, for the summary. */
  readonly lastText: string;
}

export interface Assembled {
  readonly state: AssemblerState;
  /** Messages that began, grew or became final, in the order in which they did. */
  readonly changes: readonly EmittedMessage[];
}

const OVER_TOOLS_KEPT = 1000;
const PLAN_MAX_BYTES = 64 * 1024;

export const emptyAssembler: AssemblerState = {
  text: null,
  thought: null,
  current: null,
  tools: new Map(),
  overTools: [],
  plan: null,
  usage: null,
  finalRedactions: 0,
  lastText: "",
};

/** `raw` is the `update` of an ACP `session/update`, as parsed JSON. */
export function assemble(state: AssemblerState, raw: unknown, now: Millis, ports: AssemblerPorts): Assembled {
  const update = readAcpUpdate(raw);
  switch (update.kind) {
    case "chunk":
      return update.text === "" ? unchanged(state) : chunkCame(state, update, now, ports);
    case "plan":
      return planCame(state, update.entries, now, ports);
    case "tool":
      return toolCame(state, update.begins, update.patch, now, ports);
    case "usage":
      return unchanged({ ...state, usage: addUsage(state.usage, update.usage) });
    case "echo":
      return runEnded(state, ports);
    case "other":
      return unchanged(state);
    default:
      return assertNever(update, "update");
  }
}

/** Whether a tool call is open: silence is normal then. */
export const hasOpenTools = (state: AssemblerState): boolean => state.tools.size > 0;

/** Tool calls reported as running: after a turn's end, these still run in the background. */
export const countRunningTools = (state: AssemblerState): number =>
  [...state.tools.values()].filter(({ call }) => call.status === "running").length;

/** How many secrets were redacted in the messages as they are now: what a message shows again counts once. */
export function countRedactions({ text, thought, tools, plan, finalRedactions }: AssemblerState): number {
  const open = [text, thought, plan, ...tools.values()].map((each) => each?.redactions ?? 0);
  return open.reduce((sum, redactions) => sum + redactions, finalRedactions);
}

/**
 * Makes everything final. `broken`: the agent died or was stopped, so the text in flight is interrupted.
 * A tool call without a reported end is interrupted either way. The same agent may continue afterwards: its
 * later updates of calls closed here are ignored.
 */
/** Shows what is held back of the text in flight, when the agent has been silent for a while. */
export function releaseHeldText(state: AssemblerState, ports: AssemblerPorts): Assembled {
  const of = (["text", "thought"] as const).find((each) => state[each]?.message.messageId === state.current);
  const open = of === undefined ? null : state[of];
  if (of === undefined || open === null) return unchanged(state);
  const shown = releaseText(open, ports);
  const lastText = of === "text" ? shown.message.content : state.lastText;
  return { state: { ...state, [of]: shown, lastText }, changes: shown.message === open.message ? [] : [shown.message] };
}

export function finalizeMessages(state: AssemblerState, how: "ended" | "broken", ports: AssemblerPorts): Assembled {
  const texts = [state.text, state.thought]
    .filter((open) => open !== null)
    .map((open) => finishText(open, isInterrupted(open.message, how === "broken" ? state.current : null), ports));
  const tools = [...state.tools.values()]
    .map((open) => showTool(endToolCall(open.call, ports.redactor), open.message, ports))
    .map((open) => ({ ...open, message: { ...open.message, final: true, interrupted: true } }));
  const plan = state.plan === null ? [] : [{ ...state.plan, message: { ...state.plan.message, final: true } }];
  const all = [...texts, ...tools, ...plan];
  return {
    state: {
      ...emptyAssembler,
      overTools: [...state.overTools, ...state.tools.keys()].slice(-OVER_TOOLS_KEPT),
      usage: state.usage,
      finalRedactions: all.reduce((sum, { redactions }) => sum + redactions, state.finalRedactions),
      lastText: texts.find(({ message }) => message.kind === "text")?.message.content ?? state.lastText,
    },
    changes: all.map(({ message }) => message),
  };
}

/** Whether an unfinished message was interrupted, given the text in flight (`current`). Also used after the session host died. */
export function isInterrupted(
  message: { readonly messageId: MessageId; readonly kind: MessageKind },
  current: MessageId | null,
): boolean {
  switch (message.kind) {
    case "tool":
      return true;
    case "text":
    case "thought":
      return message.messageId === current;
    case "plan":
    case "notice":
      return false;
    default:
      return assertNever(message.kind, "kind");
  }
}

type Chunk = Extract<AcpUpdate, { kind: "chunk" }>;

function chunkCame(state: AssemblerState, chunk: Chunk, now: Millis, ports: AssemblerPorts): Assembled {
  const open = state[chunk.of];
  const joins = open !== null && chunkJoins(open, chunk.id, state.current);
  const left = joins && state.current === open.message.messageId ? unchanged(state) : runEnded(state, ports);
  const before = joins ? open : beginText(chunk, now, ports);
  const replaced =
    !joins && left.state[chunk.of] !== null ? closeText(left.state, chunk.of, ports) : unchanged(left.state);
  const grown = growText(before, chunk.text, ports);
  const shows = !joins || grown.message !== before.message;
  return {
    state: {
      ...replaced.state,
      [chunk.of]: grown,
      current: grown.message.messageId,
      lastText: chunk.of === "text" ? grown.message.content : replaced.state.lastText,
    },
    changes: [...left.changes, ...replaced.changes, ...(shows ? [grown.message] : [])],
  };
}

/** With an id, the id decides; without one, a chunk joins the text that it directly continues. */
const chunkJoins = (open: GrowingText, id: string | null, current: MessageId | null): boolean =>
  id === null ? open.message.messageId === current : open.id === id;

function beginText(chunk: Chunk, now: Millis, ports: AssemblerPorts): GrowingText {
  const message = begin({ role: "assistant", kind: chunk.of }, now, ports);
  return { id: chunk.id, message, held: NOTHING_HELD, redactions: 0, bytes: 0, carry: "", overflow: null };
}

function closeText(state: AssemblerState, of: "text" | "thought", ports: AssemblerPorts): Assembled {
  const open = state[of];
  if (open === null) return unchanged(state);
  const { message, redactions } = finishText(open, false, ports);
  return {
    state: {
      ...state,
      [of]: null,
      finalRedactions: state.finalRedactions + redactions,
      lastText: of === "text" ? message.content : state.lastText,
    },
    changes: [message],
  };
}

/** Another kind of update arrived: nothing is in flight, and a text without an id can no longer be continued. */
function runEnded(state: AssemblerState, ports: AssemblerPorts): Assembled {
  const quiet = { ...state, current: null };
  for (const which of ["text", "thought"] as const) {
    const open = state[which];
    if (open !== null && open.id === null && open.message.messageId === state.current)
      return closeText(quiet, which, ports);
  }
  return unchanged(quiet);
}

function planCame(state: AssemblerState, entries: PlanEntries, now: Millis, ports: AssemblerPorts): Assembled {
  const left = runEnded(state, ports);
  const before = state.plan?.message ?? begin({ role: "assistant", kind: "plan" }, now, ports);
  const redacted = entries.map((entry) => ports.redactor.redact(entry.content));
  const shown = entries.map((entry, at) => ({ ...entry, content: storable(redacted[at]?.text ?? "") }));
  const redactions = redacted.reduce((sum, each) => sum + each.redactions, 0);
  const whole = JSON.stringify(shown);
  const content = utf8Bytes(whole) <= PLAN_MAX_BYTES ? whole : cutPlan(shown);
  const truncated = content === whole ? null : { bytes: utf8Bytes(whole), sha256: ports.sha256(whole) };
  const message = { ...before, content, truncated };
  const shows = state.plan === null || content !== before.content;
  return {
    state: { ...left.state, plan: { message, redactions } },
    changes: [...left.changes, ...(shows ? [message] : [])],
  };
}

/** The first entries that fit. */
function cutPlan(entries: PlanEntries): string {
  const kept: string[] = [];
  let bytes = 2;
  for (const entry of entries) {
    const text = JSON.stringify(entry);
    bytes += utf8Bytes(text) + 1;
    if (bytes > PLAN_MAX_BYTES) break;
    kept.push(text);
  }
  return `[${kept.join(",")}]`;
}

function toolCame(
  state: AssemblerState,
  begins: boolean,
  patch: ToolCallPatch,
  now: Millis,
  ports: AssemblerPorts,
): Assembled {
  const { toolCallId } = patch;
  const open = state.tools.get(toolCallId);
  const isLate = open === undefined && !begins && state.overTools.includes(toolCallId);
  if (isLate) return unchanged(state);
  const left = runEnded(state, ports);
  const patched = patchToolCall(open?.call ?? { toolCallId }, patch, ports.redactor);
  const call = isOver(patched) ? endToolCall(patched, ports.redactor) : patched;
  const shown = showTool(call, open?.message ?? begin({ role: "tool", kind: "tool" }, now, ports), ports);
  const { message } = shown;
  const tools = new Map(left.state.tools);
  if (message.final) tools.delete(toolCallId);
  else tools.set(toolCallId, shown);
  const overTools = message.final ? [...state.overTools, toolCallId].slice(-OVER_TOOLS_KEPT) : state.overTools;
  const finalRedactions = left.state.finalRedactions + (message.final ? shown.redactions : 0);
  const shows = open === undefined || JSON.stringify(message) !== JSON.stringify(open.message);
  return {
    state: { ...left.state, tools, overTools, finalRedactions },
    changes: [...left.changes, ...(shows ? [message] : [])],
  };
}

function showTool(call: ToolCall, before: EmittedMessage, ports: AssemblerPorts): OpenTool {
  const { metadata, truncated, redactions } = showToolCall(call, ports);
  const content = getTitleLine(metadata);
  return { call, redactions, message: { ...before, content, toolMetadata: metadata, truncated, final: isOver(call) } };
}

function begin(
  what: { readonly role: MessageRole; readonly kind: MessageKind },
  now: Millis,
  ports: AssemblerPorts,
): EmittedMessage {
  return {
    ...what,
    messageId: ports.messageId(),
    content: "",
    toolMetadata: null,
    final: false,
    interrupted: false,
    truncated: null,
    createdAt: now,
  };
}

const unchanged = (state: AssemblerState): Assembled => ({ state, changes: [] });
