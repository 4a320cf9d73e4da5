/** What a scripted model says: the turns of one conversation, and how each becomes the API's answer. Pure. */
import { assertNever } from "@samovar/base";

/** One answer of the model: what it thinks, then what it says, then the tools that it uses. */
export interface ScriptedTurn {
  readonly thinking?: string;
  /** A list is streamed chunk by chunk as it is given; a text in chunks of a few letters. */
  readonly text?: string | readonly string[];
  readonly toolUse?: ScriptedToolUse | readonly ScriptedToolUse[];
  /** `tool_use` when a tool is used, else `end_turn`. */
  readonly stopReason?: "end_turn" | "tool_use" | "max_tokens" | "refusal";
  /** Awaited before each chunk of a streamed answer; `index` counts from 0 over the whole turn. */
  readonly beforeChunk?: (index: number) => Promise<void>;
  /** The first so many requests for this turn are refused with this status. */
  readonly refuse?: { readonly status: number; readonly times: number };
}

export interface ScriptedToolUse {
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}

type Block =
  | { readonly type: "thinking"; readonly chunks: readonly string[] }
  | { readonly type: "text"; readonly chunks: readonly string[] }
  | { readonly type: "tool_use"; readonly use: ScriptedToolUse };

export interface StreamEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface AnswerHead {
  readonly messageId: string;
  readonly model: string;
}

const CHUNK_CHARS = 12;
const SIGNATURE = "c2NyaXB0ZWQ=";

function blocksOf(turn: ScriptedTurn): Block[] {
  const blocks: Block[] = [];
  if (turn.thinking !== undefined) blocks.push({ type: "thinking", chunks: pieces(turn.thinking) });
  if (turn.text !== undefined)
    blocks.push({ type: "text", chunks: typeof turn.text === "string" ? pieces(turn.text) : turn.text });
  for (const use of toolUses(turn)) blocks.push({ type: "tool_use", use });
  return blocks;
}

export function toolUses({ toolUse }: ScriptedTurn): readonly ScriptedToolUse[] {
  if (toolUse === undefined) return [];
  return "name" in toolUse ? [toolUse] : toolUse;
}

function stopReasonOf(turn: ScriptedTurn): string {
  return turn.stopReason ?? (toolUses(turn).length > 0 ? "tool_use" : "end_turn");
}

/** The answer of a request that does not stream. */
export function wholeAnswer(turn: ScriptedTurn, head: AnswerHead): StreamEvent {
  return {
    ...emptyMessage(head),
    content: blocksOf(turn).map((block, index) => wholeBlock(block, toolUseId(head, index))),
    stop_reason: stopReasonOf(turn),
    usage: usageOf(turn),
  };
}

/** The events of a request that streams, in order. */
export function streamedAnswer(turn: ScriptedTurn, head: AnswerHead): StreamEvent[] {
  return [
    { type: "message_start", message: emptyMessage(head) },
    ...blocksOf(turn).flatMap((block, index) => streamedBlock(block, index, toolUseId(head, index))),
    { type: "message_delta", delta: { stop_reason: stopReasonOf(turn), stop_sequence: null }, usage: usageOf(turn) },
    { type: "message_stop" },
  ];
}

export function isChunk(event: StreamEvent): boolean {
  return event.type === "content_block_delta";
}

function streamedBlock(block: Block, index: number, id: string): StreamEvent[] {
  return [
    { type: "content_block_start", index, content_block: emptyBlock(block, id) },
    ...deltasOf(block).map((delta) => ({ type: "content_block_delta", index, delta })),
    { type: "content_block_stop", index },
  ];
}

function deltasOf(block: Block): Record<string, unknown>[] {
  switch (block.type) {
    case "text":
      return block.chunks.map((text) => ({ type: "text_delta", text }));
    case "thinking":
      return [
        ...block.chunks.map((thinking) => ({ type: "thinking_delta", thinking })),
        { type: "signature_delta", signature: SIGNATURE },
      ];
    case "tool_use":
      return pieces(JSON.stringify(block.use.input)).map((json) => ({ type: "input_json_delta", partial_json: json }));
    default:
      return assertNever(block);
  }
}

function emptyBlock(block: Block, id: string): Record<string, unknown> {
  if (block.type === "text") return { type: "text", text: "" };
  if (block.type === "thinking") return { type: "thinking", thinking: "", signature: "" };
  return { type: "tool_use", id, name: block.use.name, input: {} };
}

function wholeBlock(block: Block, id: string): Record<string, unknown> {
  if (block.type === "text") return { type: "text", text: block.chunks.join("") };
  if (block.type === "thinking") return { type: "thinking", thinking: block.chunks.join(""), signature: SIGNATURE };
  return { type: "tool_use", id, name: block.use.name, input: block.use.input };
}

function emptyMessage({ messageId, model }: AnswerHead): StreamEvent {
  const usage = { input_tokens: 10, output_tokens: 1, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
  return {
    id: messageId,
    type: "message",
    role: "assistant",
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage,
  };
}

function usageOf(turn: ScriptedTurn): Record<string, number> {
  return { input_tokens: 10, output_tokens: Math.max(1, Math.ceil(JSON.stringify(blocksOf(turn)).length / 4)) };
}

function toolUseId({ messageId }: AnswerHead, index: number): string {
  return `toolu_${messageId.replace(/\W/g, "")}${index}`;
}

/** Pieces that join to exactly `text`; at least one. */
export function pieces(text: string): string[] {
  return text.match(new RegExp(`[^]{1,${CHUNK_CHARS}}`, "gu")) ?? [""];
}
