import { afterEach, describe, expect, it } from "vitest";
import type { ScriptedTurn } from "./messages-script.ts";
import type { ScriptedModel } from "./scripted-model.ts";
import { type ScriptedOpenAiOptions, startScriptedOpenAiApi } from "./scripted-openai-api.ts";

let api: ScriptedModel | undefined;
afterEach(async () => {
  await api?.close();
  api = undefined;
});

const TOOLS = [{ type: "function", name: "bash" }];
const USER = { role: "user", content: "go" };
const TURNS: ScriptedTurn[] = [
  { thinking: "Hm, tea.", text: ["One ", "two."], toolUse: { name: "bash", input: { command: "echo 🫖" } } },
  { text: "Done." },
];

async function start(turns: readonly ScriptedTurn[] = TURNS, options: Omit<ScriptedOpenAiOptions, "turns"> = {}) {
  api = await startScriptedOpenAiApi({ turns, ...options });
  const { url } = api;
  return (path: string, body: object | null, key: string | null = "k") =>
    fetch(`${url}/v1/${path}`, {
      method: body === null ? "GET" : "POST",
      headers: key === null ? {} : { authorization: `Bearer ${key}` },
      ...(body === null ? {} : { body: JSON.stringify({ model: "m", tools: TOOLS, ...body }) }),
    });
}

async function events(response: Response): Promise<Record<string, unknown>[]> {
  const lines = (await response.text()).split("\n").filter((line) => line.startsWith("data: {"));
  return lines.map((line) => JSON.parse(line.slice("data: ".length)));
}

describe("a scripted model of OpenAI's kind", () => {
  it("streams thought, text and a tool's call as chat completions, with the usage at the end", async () => {
    const ask = await start();
    const all = await events(await ask("chat/completions", { stream: true, messages: [USER] }));
    const deltas = all.flatMap((event) => {
      const [choice] = event["choices"] as { delta: Record<string, unknown>; finish_reason: string | null }[];
      return choice === undefined ? [] : [choice];
    });
    const joined = (field: string) => deltas.map(({ delta }) => delta[field] ?? "").join("");
    expect([joined("reasoning_content"), joined("content")]).toEqual(["Hm, tea.", "One two."]);
    const calls = deltas.flatMap(({ delta }) => (delta["tool_calls"] ?? []) as { function: { arguments: string } }[]);
    expect(JSON.parse(calls.map((call) => call.function.arguments).join(""))).toEqual({ command: "echo 🫖" });
    expect(deltas.at(-1)?.finish_reason).toBe("tool_calls");
    expect(all.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 15 } });
  });

  it("streams the same as a response, each item from its beginning to its end", async () => {
    const ask = await start();
    const all = await events(await ask("responses", { stream: true, input: [USER] }));
    expect(all.map((event) => event["sequence_number"])).toEqual(all.map((_, index) => index));
    const of = (type: string) => all.filter((event) => event["type"] === type);
    expect(of("response.output_text.delta").map((event) => event["delta"])).toEqual(["One ", "two."]);
    expect(of("response.output_item.done").map((event) => event["item"])).toMatchObject([
      { type: "reasoning", summary: [{ text: "Hm, tea." }] },
      { type: "message", content: [{ text: "One two." }] },
      { type: "function_call", name: "bash", arguments: '{"command":"echo 🫖"}' },
    ]);
    expect(all.at(-1)).toMatchObject({ type: "response.completed", response: { usage: { total_tokens: 15 } } });
  });

  it("answers whole where no stream is asked for", async () => {
    const ask = await start([{ text: "Done." }]);
    expect(await (await ask("chat/completions", { messages: [USER] })).json()).toMatchObject({
      choices: [{ message: { role: "assistant", content: "Done." }, finish_reason: "stop" }],
    });
    expect(await (await ask("responses", { input: [USER] })).json()).toMatchObject({
      status: "completed",
      output: [{ content: [{ type: "output_text", text: "Done." }] }],
    });
  });

  it("reads the turn from the conversation, in both forms of it", async () => {
    const ask = await start();
    const call = { type: "function_call", call_id: "c", name: "bash", arguments: "{}" };
    const spoken = [USER, { type: "reasoning" }, { role: "assistant", content: [] }, call];
    const input = [...spoken, { type: "function_call_output", call_id: "c", output: "" }];
    await ask("responses", { input });
    await ask("chat/completions", { messages: [USER, { role: "assistant" }, { role: "tool" }] });
    expect((await ask("responses", { input: [...input, { role: "assistant" }, USER] })).status).toBe(400);
    expect(api?.requests.map(({ answered, turn }) => [answered, turn])).toEqual([
      ["turn", 1],
      ["turn", 1],
      ["refused", 2],
    ]);
  });

  it("calls a tool that takes a text with that text, and knows tools that come within the input", async () => {
    const ask = await start([{ toolUse: { name: "exec", input: { input: "text('tea')" } } }]);
    const tools = [{ type: "namespace", name: "functions", tools: [{ type: "custom", name: "exec" }] }];
    const input = [{ type: "additional_tools", tools }, USER];
    const all = await events(await ask("responses", { stream: true, tools: [], input }));
    expect(all.at(-1)).toMatchObject({
      response: { output: [{ type: "custom_tool_call", name: "exec", input: "text('tea')" }] },
    });
  });

  it("lists its models, answers side questions, knows its key and its routes, refuses as the script says", async () => {
    const ask = await start([{ text: "x", refuse: { status: 529, times: 1 } }], { apiKey: "k", models: ["tea-1"] });
    expect(await (await ask("models", null)).json()).toMatchObject({ data: [{ id: "tea-1" }] });
    expect(await (await ask("responses", { tools: [], input: [USER] })).json()).toMatchObject({ object: "response" });
    expect((await ask("models", null, "wrong")).status).toBe(401);
    expect((await ask("models", null, null)).status).toBe(401);
    expect((await ask("files", {})).status).toBe(404);
    expect((await ask("responses", { input: [USER] })).status).toBe(529);
    expect((await ask("responses", { input: [USER] })).status).toBe(200);
    expect(api?.requests.map(({ answered }) => answered)).toEqual([
      "count",
      "side",
      "refused",
      "refused",
      "unknown",
      "refused",
      "turn",
    ]);
  });
});
