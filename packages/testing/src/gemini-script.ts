/** A scripted turn in the words of Google's Gemini API. Pure. */
import { type ScriptedTurn, toolUses } from "./messages-script.ts";
import { saidBy } from "./openai-chat-script.ts";
import type { ScriptedFrame } from "./scripted-model.ts";

/** The answer of a request that does not stream. */
export function wholeContent(turn: ScriptedTurn, model: string): unknown {
  return answer(model, partsOf(turn), finishReason(turn));
}

/** A part a frame, then one with the reason of the end and the usage. */
export function streamedContent(turn: ScriptedTurn, model: string): ScriptedFrame[] {
  const frame = (parts: readonly unknown[], finish: string | null, isChunk: boolean): ScriptedFrame => ({
    text: `data: ${JSON.stringify(answer(model, parts, finish))}\r\n\r\n`,
    isChunk,
  });
  return [...partsOf(turn).map((part) => frame([part], null, true)), frame([{ text: "" }], finishReason(turn), false)];
}

function answer(modelVersion: string, parts: readonly unknown[], finishReason: string | null): unknown {
  const candidate = { index: 0, content: { role: "model", parts }, ...(finishReason === null ? {} : { finishReason }) };
  const usageMetadata = { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 };
  return { candidates: [candidate], usageMetadata, modelVersion };
}

function partsOf(turn: ScriptedTurn): readonly unknown[] {
  return [
    ...(turn.thinking === undefined ? [] : [{ text: turn.thinking, thought: true }]),
    ...saidBy(turn).map((text) => ({ text })),
    ...toolUses(turn).map(({ name, input }) => ({ functionCall: { name, args: input } })),
  ];
}

/** A use of tools ends with STOP too. */
function finishReason({ stopReason }: ScriptedTurn): string {
  if (stopReason === "max_tokens") return "MAX_TOKENS";
  return stopReason === "refusal" ? "SAFETY" : "STOP";
}
