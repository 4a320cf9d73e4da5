/** A scripted model that speaks OpenAI's API: Chat Completions, Responses, and the list of models. */
import { randomUUID } from "node:crypto";
import { type Fields, toFields, listOf, textOf } from "./json-fields.ts";
import { streamedCompletion, wholeCompletion } from "./openai-chat-script.ts";
import { streamedResponse, wholeResponse } from "./openai-responses-script.ts";
import {
  type ModelDialect,
  type ScriptedModel,
  type ScriptedModelOptions,
  startScriptedModel,
} from "./scripted-model.ts";

export interface ScriptedOpenAiOptions extends ScriptedModelOptions {
  /** What `GET /v1/models` lists. */
  readonly models?: readonly string[];
}

/** The base address for clients is `url` with `/v1`. */
export function startScriptedOpenAiApi(options: ScriptedOpenAiOptions): Promise<ScriptedModel> {
  return startScriptedModel(openAi(options.models ?? ["scripted"]), options);
}

function openAi(models: readonly string[]): ModelDialect {
  return {
    keyOf: ({ headers }) => /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1] ?? null,
    read(method, path, body) {
      const fields = toFields(body);
      const head = { id: randomUUID(), model: textOf(fields["model"]) ?? "scripted" };
      const tools = toolsIn(fields);
      const asked = {
        kind: "answer",
        hasTools: tools.length > 0,
        isStream: fields["stream"] === true,
      } as const;
      switch (`${method} ${path}`) {
        case "POST /v1/chat/completions":
          return {
            ...asked,
            turn: listOf(fields["messages"]).filter((message) => toFields(message)["role"] === "assistant").length,
            frames: (turn) => streamedCompletion(turn, head),
            whole: (turn) => wholeCompletion(turn, head),
          };
        case "POST /v1/responses":
          return {
            ...asked,
            turn: turnsIn(listOf(fields["input"])),
            frames: (turn) => streamedResponse(turn, { ...head, textTools: textTools(tools) }),
            whole: (turn) => wholeResponse(turn, { ...head, textTools: textTools(tools) }),
          };
        case "GET /v1/models":
          return {
            kind: "count",
            body: { object: "list", data: models.map((id) => ({ id, object: "model", created: 0, owned_by: "test" })) },
          };
        default:
          return null;
      }
    },
    refusal: (status, message) => ({
      error: { message, type: status >= 500 ? "server_error" : "invalid_request_error", param: null, code: null },
    }),
  };
}

/** Those of the request, and those that it adds within its input, as newer models want it. */
function toolsIn({ tools, input }: Fields): readonly Fields[] {
  const added = listOf(input)
    .map(toFields)
    .filter(({ type }) => type === "additional_tools");
  const all = [...listOf(tools), ...added.flatMap((item) => listOf(item["tools"]))].map(toFields);
  return all.flatMap((tool) => (tool["type"] === "namespace" ? listOf(tool["tools"]).map(toFields) : [tool]));
}

function textTools(tools: readonly Fields[]): ReadonlySet<string> {
  return new Set(tools.filter(({ type }) => type === "custom").flatMap(({ name }) => textOf(name) ?? []));
}

const OF_THE_MODEL = new Set(["reasoning", "function_call", "custom_tool_call"]);

/** What the model put out in one answer stands together: each such run of items is a turn. */
function turnsIn(items: readonly unknown[]): number {
  const isModels = items.map((item) => {
    const { type, role } = toFields(item);
    return role === "assistant" || (typeof type === "string" && OF_THE_MODEL.has(type));
  });
  return isModels.filter((own, index) => own && isModels[index - 1] !== true).length;
}
