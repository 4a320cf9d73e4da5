import { afterEach, expect, test } from "vitest";
import { startScriptedGeminiApi } from "./scripted-gemini-api.ts";
import type { ScriptedModel } from "./scripted-model.ts";

let api: ScriptedModel | undefined;
afterEach(async () => {
  await api?.close();
  api = undefined;
});

const USER = { role: "user", parts: [{ text: "go" }] };
const TOOLS = [{ functionDeclarations: [{ name: "bash" }] }];

async function start() {
  const turns = [
    { thinking: "Hm, tea.", text: ["One ", "two."], toolUse: { name: "bash", input: { command: "echo 🫖" } } },
    { text: "Done." },
  ];
  api = await startScriptedGeminiApi({ turns, apiKey: "k" });
  const { url } = api;
  return (action: string, body: object, key = "k") =>
    fetch(`${url}/v1beta/models/tea:${action}`, {
      method: "POST",
      headers: { "x-goog-api-key": key },
      body: JSON.stringify({ tools: TOOLS, ...body }),
    });
}

test("streams thought, text and a tool's call a part each, then the reason of the end", async () => {
  const ask = await start();
  const text = await (await ask("streamGenerateContent?alt=sse", { contents: [USER] })).text();
  const all = text
    .split("\r\n\r\n")
    .filter(Boolean)
    .map((frame) => JSON.parse(frame.slice("data: ".length)).candidates[0]);
  expect(all.flatMap(({ content }) => content.parts)).toEqual([
    { text: "Hm, tea.", thought: true },
    { text: "One " },
    { text: "two." },
    { functionCall: { name: "bash", args: { command: "echo 🫖" } } },
    { text: "" },
  ]);
  expect(all.map(({ finishReason }) => finishReason).filter(Boolean)).toEqual(["STOP"]);
});

test("reads the turn from the conversation, answers side questions, counts, knows its key and its routes", async () => {
  const ask = await start();
  const contents = [USER, { role: "model", parts: [] }, USER];
  expect(await (await ask("generateContent", { contents })).json()).toMatchObject({
    candidates: [{ content: { parts: [{ text: "Done." }] }, finishReason: "STOP" }],
  });
  expect((await ask("generateContent", { tools: [], contents })).status).toBe(200);
  expect(await (await ask("countTokens", {})).json()).toEqual({ totalTokens: 10 });
  expect((await ask("tune", {})).status).toBe(404);
  expect((await ask("countTokens", {}, "wrong")).status).toBe(401);
  expect(api?.requests.map(({ answered }) => answered)).toEqual(["turn", "side", "count", "unknown", "refused"]);
});
