/** A scripted model that speaks Google's Gemini API. */
import { toFields, listOf } from "./json-fields.ts";
import { streamedContent, wholeContent } from "./gemini-script.ts";
import {
  type ModelDialect,
  type ScriptedModel,
  type ScriptedModelOptions,
  startScriptedModel,
} from "./scripted-model.ts";

/** For `GOOGLE_GEMINI_BASE_URL`. */
export function startScriptedGeminiApi(options: ScriptedModelOptions): Promise<ScriptedModel> {
  return startScriptedModel(GEMINI, options);
}

const ROUTE = /^POST \/v1beta\/models\/([^:/]+):(generateContent|streamGenerateContent|countTokens)$/;

const GEMINI: ModelDialect = {
  keyOf: ({ headers }) => (headers["x-goog-api-key"] === undefined ? null : String(headers["x-goog-api-key"])),
  read(method, path, body) {
    const [, model = "", action] = ROUTE.exec(`${method} ${path}`) ?? [];
    if (action === undefined) return null;
    if (action === "countTokens") return { kind: "count", body: { totalTokens: 10 } };
    const { contents, tools } = toFields(body);
    return {
      kind: "answer",
      turn: listOf(contents).filter((content) => toFields(content)["role"] === "model").length,
      hasTools: listOf(tools).length > 0,
      isStream: action === "streamGenerateContent",
      frames: (turn) => streamedContent(turn, model),
      whole: (turn) => wholeContent(turn, model),
    };
  },
  refusal: (status, message) => ({ error: { code: status, message, status: "FAILED_PRECONDITION" } }),
};
