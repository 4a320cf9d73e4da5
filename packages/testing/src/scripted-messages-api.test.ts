import { afterEach, describe, expect, it } from "vitest";
import type { ScriptedTurn } from "./messages-script.ts";
import {
  type ScriptedMessagesApi,
  type ScriptedMessagesApiOptions,
  startScriptedMessagesApi,
} from "./scripted-messages-api.ts";

let api: ScriptedMessagesApi | undefined;
afterEach(async () => {
  await api?.close();
  api = undefined;
});

const TOOLS = [{ name: "Bash" }];
const USER = { role: "user", content: "go" };
const ASSISTANT = { role: "assistant", content: "…" };

async function start(turns: readonly ScriptedTurn[], options: Omit<ScriptedMessagesApiOptions, "turns"> = {}) {
  api = await startScriptedMessagesApi({ turns, ...options });
  const { url } = api;
  return (fields: Record<string, unknown>, headers: Record<string, string> = { "x-api-key": "k" }) =>
    fetch(`${url}/v1/messages?beta=true`, {
      method: "POST",
      headers,
      body: JSON.stringify({ model: "m", messages: [USER], tools: TOOLS, ...fields }),
    });
}

async function events(
  response: Response,
): Promise<{ type: string; delta?: Record<string, string>; content_block?: Record<string, string> }[]> {
  const text = await response.text();
  return text
    .split("\n\n")
    .filter(Boolean)
    .map((block) => JSON.parse(block.split("\ndata: ")[1] ?? ""));
}

const deltas = (all: Awaited<ReturnType<typeof events>>, field: string) =>
  all.map((event) => event.delta?.[field] ?? "").join("");

describe("a scripted model", () => {
  it("streams thought, text and tool use in the API's order of events", async () => {
    const ask = await start([
      { thinking: "Hm, tea.", text: ["One ", "two."], toolUse: { name: "Bash", input: { command: "echo 🫖" } } },
    ]);
    const all = await events(await ask({ stream: true }));
    expect(all[0]?.type).toBe("message_start");
    expect(all.at(-1)?.type).toBe("message_stop");
    expect(all.flatMap((event) => event.content_block?.["type"] ?? [])).toEqual(["thinking", "text", "tool_use"]);
    expect(deltas(all, "thinking")).toBe("Hm, tea.");
    expect(all.flatMap((event) => event.delta?.["text"] ?? [])).toEqual(["One ", "two."]);
    expect(JSON.parse(deltas(all, "partial_json"))).toEqual({ command: "echo 🫖" });
    expect(deltas(all, "stop_reason")).toBe("tool_use");
  });

  it("answers whole where no stream is asked for", async () => {
    const ask = await start([{ text: "Done." }]);
    expect(await (await ask({})).json()).toMatchObject({
      role: "assistant",
      content: [{ type: "text", text: "Done." }],
      stop_reason: "end_turn",
    });
  });

  it("reads the turn from the conversation, so that a repeated request gets the same answer", async () => {
    const ask = await start([{ text: "first" }, { text: "second" }]);
    const say = async (messages: unknown[]) => deltas(await events(await ask({ stream: true, messages })), "text");
    expect([await say([USER]), await say([USER]), await say([USER, ASSISTANT, USER])]).toEqual([
      "first",
      "first",
      "second",
    ]);
    expect((await ask({ messages: [USER, ASSISTANT, ASSISTANT] })).status).toBe(400);
    expect(api?.requests.map(({ answered, turn }) => [answered, turn])).toEqual([
      ["turn", 0],
      ["turn", 0],
      ["turn", 1],
      ["refused", 2],
    ]);
  });

  it("plays each conversation its own script", async () => {
    const ask = await start([{ text: "any" }], {
      conversations: { "brew tea": [{ text: "tea" }, { text: "more tea" }] },
    });
    const say = async (messages: unknown[]) => deltas(await events(await ask({ stream: true, messages })), "text");
    const tea = { role: "user", content: "Please brew tea." };
    expect([await say([tea]), await say([USER]), await say([tea, ASSISTANT, USER])]).toEqual([
      "tea",
      "any",
      "more tea",
    ]);
  });

  it("answers side questions without touching the script", async () => {
    const ask = await start([{ text: "first" }], { sideAnswer: "a title" });
    expect(await (await ask({ tools: [] })).json()).toMatchObject({ content: [{ text: "a title" }] });
    const counted = await fetch(`${api?.url}/v1/messages/count_tokens`, {
      method: "POST",
      headers: { "x-api-key": "k" },
      body: "{}",
    });
    expect(await counted.json()).toEqual({ input_tokens: 10 });
    expect((await fetch(`${api?.url}/api/hello`, { method: "HEAD" })).status).toBe(200);
    expect(api?.requests.map(({ answered }) => answered)).toEqual(["side", "count", "probe"]);
  });

  it("wants a key, and the right one where one is set", async () => {
    const ask = await start([{ text: "x" }], { apiKey: "right" });
    expect((await ask({}, {})).status).toBe(401);
    expect((await ask({}, { "x-api-key": "wrong" })).status).toBe(401);
    expect((await ask({}, { "x-api-key": "right" })).status).toBe(200);
    expect((await ask({}, { authorization: "Bearer right" })).status).toBe(200);
    expect(api?.requests.map(({ apiKey }) => apiKey)).toEqual([null, "wrong", "right", "right"]);
  });

  it("refuses so often as the script says, then goes on", async () => {
    const ask = await start([{ text: "x", refuse: { status: 529, times: 2 } }]);
    expect([(await ask({})).status, (await ask({})).status, (await ask({})).status]).toEqual([529, 529, 200]);
  });

  it("holds each chunk back for as long as the test wants", async () => {
    const gate = Promise.withResolvers<void>();
    const ask = await start([
      { text: ["one", "two"], beforeChunk: (index) => (index === 1 ? gate.promise : Promise.resolve()) },
    ]);
    const reader = (await ask({ stream: true })).body?.pipeThrough(new TextDecoderStream()).getReader();
    let seen = "";
    while (!seen.includes('"one"')) seen += (await reader?.read())?.value ?? "";
    expect(seen).not.toContain('"two"');
    gate.resolve();
    while (!seen.includes("message_stop")) seen += (await reader?.read())?.value ?? "";
    expect(seen).toContain('"two"');
  });
});
