/** A scripted turn in the words of OpenAI's Responses API. Pure. */
import { type ScriptedTurn, pieces, toolUses } from "./messages-script.ts";
import { type ChatHead, saidBy } from "./openai-chat-script.ts";
import type { ScriptedFrame } from "./scripted-model.ts";

export interface ResponseHead extends ChatHead {
  /** Tools that take a text as it is, not JSON: what such a use has as `input` is given to them. */
  readonly textTools: ReadonlySet<string>;
}

const USAGE = {
  input_tokens: 10,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 5,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 15,
};

interface Item {
  readonly id: string;
  readonly type: string;
  readonly [field: string]: unknown;
}

/** One thing that the model puts out: as it is when it begins, the events in between, and as it is at its end. */
interface Output {
  readonly begun: Item;
  readonly events: readonly Event[];
  readonly done: Item;
}

interface Event {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** The answer of a request that does not stream. */
export function wholeResponse(turn: ScriptedTurn, head: ResponseHead): unknown {
  return finished(turn, head, outputsOf(turn, head));
}

/** The events of a request that streams, in order. */
export function streamedResponse(turn: ScriptedTurn, head: ResponseHead): ScriptedFrame[] {
  const outputs = outputsOf(turn, head);
  const begun = { ...response(head), status: "in_progress", output: [] };
  const last = turn.stopReason === "max_tokens" ? "response.incomplete" : "response.completed";
  const events: Event[] = [
    { type: "response.created", response: begun },
    { type: "response.in_progress", response: begun },
    ...outputs.flatMap(({ begun: item, events, done }, output_index) => [
      { type: "response.output_item.added", output_index, item },
      ...events.map((event) => ({ ...event, item_id: item.id, output_index })),
      { type: "response.output_item.done", output_index, item: done },
    ]),
    { type: last, response: finished(turn, head, outputs) },
  ];
  return events.map((event, sequence_number) => ({
    text: `event: ${event.type}\ndata: ${JSON.stringify({ ...event, sequence_number })}\n\n`,
    isChunk: event.type.endsWith(".delta"),
  }));
}

const response = ({ id, model }: ResponseHead) => ({ id, model, object: "response", created_at: 0, error: null });

function finished(turn: ScriptedTurn, head: ResponseHead, outputs: readonly Output[]): unknown {
  const isCut = turn.stopReason === "max_tokens";
  return {
    ...response(head),
    status: isCut ? "incomplete" : "completed",
    incomplete_details: isCut ? { reason: "max_output_tokens" } : null,
    output: outputs.map(({ done }) => done),
    usage: USAGE,
  };
}

function outputsOf(turn: ScriptedTurn, { id, textTools }: ResponseHead): Output[] {
  const name = id.replace(/\W/g, "");
  return [
    ...(turn.thinking === undefined ? [] : [thought(`rs_${name}`, pieces(turn.thinking))]),
    ...(turn.text === undefined ? [] : [message(`msg_${name}`, saidBy(turn), turn.stopReason === "refusal")]),
    ...toolUses(turn).map((use, index) => {
      const item = { id: `fc_${name}${index}`, call_id: `call_${name}${index}`, name: use.name };
      const { input } = use.input;
      return textTools.has(use.name) && typeof input === "string" ? textCall(item, input) : call(item, use.input);
    }),
  ];
}

function thought(id: string, chunks: readonly string[]): Output {
  const item = { id, type: "reasoning", encrypted_content: "c2NyaXB0ZWQ=" };
  const part = (text: string) => ({ type: "summary_text", text });
  const text = chunks.join("");
  const place = { summary_index: 0 };
  return {
    begun: { ...item, summary: [] },
    events: [
      { type: "response.reasoning_summary_part.added", ...place, part: part("") },
      ...chunks.map((delta) => ({ type: "response.reasoning_summary_text.delta", ...place, delta })),
      { type: "response.reasoning_summary_text.done", ...place, text },
      { type: "response.reasoning_summary_part.done", ...place, part: part(text) },
    ],
    done: { ...item, summary: [part(text)] },
  };
}

function message(id: string, chunks: readonly string[], isRefusal: boolean): Output {
  const item = { id, type: "message", role: "assistant" };
  const kind = isRefusal ? "refusal" : "output_text";
  const part = (text: string) => (isRefusal ? { type: kind, refusal: text } : { type: kind, text, annotations: [] });
  const text = chunks.join("");
  const place = { content_index: 0 };
  return {
    begun: { ...item, status: "in_progress", content: [] },
    events: [
      { type: "response.content_part.added", ...place, part: part("") },
      ...chunks.map((delta) => ({ type: `response.${kind}.delta`, ...place, delta })),
      { type: `response.${kind}.done`, ...place, [isRefusal ? "refusal" : "text"]: text },
      { type: "response.content_part.done", ...place, part: part(text) },
    ],
    done: { ...item, status: "completed", content: [part(text)] },
  };
}

interface CallHead {
  readonly id: string;
  readonly call_id: string;
  readonly name: string;
}

function call(head: CallHead, input: unknown): Output {
  const text = JSON.stringify(input);
  const item = { ...head, type: "function_call" };
  return {
    begun: { ...item, status: "in_progress", arguments: "" },
    events: [
      ...pieces(text).map((delta) => ({ type: "response.function_call_arguments.delta", delta })),
      { type: "response.function_call_arguments.done", arguments: text },
    ],
    done: { ...item, status: "completed", arguments: text },
  };
}

function textCall(head: CallHead, input: string): Output {
  const item = { ...head, type: "custom_tool_call" };
  return {
    begun: { ...item, status: "in_progress", input: "" },
    events: [
      ...pieces(input).map((delta) => ({ type: "response.custom_tool_call_input.delta", delta })),
      { type: "response.custom_tool_call_input.done", input },
    ],
    done: { ...item, status: "completed", input },
  };
}
