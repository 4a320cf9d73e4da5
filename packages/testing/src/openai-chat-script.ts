/** A scripted turn in the words of OpenAI's Chat Completions. Pure. */
import { type ScriptedTurn, pieces, toolUses } from "./messages-script.ts";
import type { ScriptedFrame } from "./scripted-model.ts";

export interface ChatHead {
  /** Unique to the answer. */
  readonly id: string;
  readonly model: string;
}

const USAGE = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };

/** The answer of a request that does not stream. */
export function wholeCompletion(turn: ScriptedTurn, head: ChatHead): unknown {
  const calls = toolUses(turn).map((use, index) => ({
    id: callId(head, index),
    type: "function",
    function: { name: use.name, arguments: JSON.stringify(use.input) },
  }));
  const text = saidBy(turn).join("");
  const message = {
    role: "assistant",
    content: text === "" ? null : text,
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  };
  const choices = [{ index: 0, message, finish_reason: finishReason(turn) }];
  return { ...head, object: "chat.completion", created: 0, choices, usage: USAGE };
}

/** The chunks of a request that streams, in order, with the usage at the end. */
export function streamedCompletion(turn: ScriptedTurn, head: ChatHead): ScriptedFrame[] {
  const frame = (delta: object, isChunk: boolean, finish: string | null = null): ScriptedFrame => ({
    text: data({
      ...head,
      object: "chat.completion.chunk",
      created: 0,
      choices: [{ index: 0, delta, finish_reason: finish }],
    }),
    isChunk,
  });
  const thoughts = turn.thinking === undefined ? [] : pieces(turn.thinking);
  return [
    frame({ role: "assistant", content: "" }, false),
    ...thoughts.map((text) => frame({ reasoning_content: text }, true)),
    ...saidBy(turn).map((content) => frame({ content }, true)),
    ...toolUses(turn).flatMap(({ name, input }, index) => [
      frame(
        { tool_calls: [{ index, id: callId(head, index), type: "function", function: { name, arguments: "" } }] },
        false,
      ),
      ...pieces(JSON.stringify(input)).map((part) =>
        frame({ tool_calls: [{ index, function: { arguments: part } }] }, true),
      ),
    ]),
    frame({}, false, finishReason(turn)),
    { text: data({ ...head, object: "chat.completion.chunk", created: 0, choices: [], usage: USAGE }), isChunk: false },
    { text: "data: [DONE]\n\n", isChunk: false },
  ];
}

const data = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
const callId = ({ id }: ChatHead, index: number): string => `call_${id.replace(/\W/g, "")}${index}`;

/** The text's pieces, as the script gives them. */
export function saidBy({ text }: ScriptedTurn): readonly string[] {
  if (text === undefined) return [];
  return typeof text === "string" ? pieces(text) : text;
}

function finishReason(turn: ScriptedTurn): string {
  const reasons = {
    end_turn: "stop",
    tool_use: "tool_calls",
    max_tokens: "length",
    refusal: "content_filter",
  } as const;
  return reasons[turn.stopReason ?? (toolUses(turn).length > 0 ? "tool_use" : "end_turn")];
}
