/** A session's host meters its agent's model calls, and ends the session at a limit. With a real agent process and a real model server. */
import { createServer } from "node:http";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { HostLaunch, HostStatus, SessionBudget, SpendingLimit } from "@samovar/contracts";
import { aLaunch, aToken, openHost, scriptAgent, startHost, startStore } from "./host.testing.ts";

vi.setConfig({ testTimeout: 30_000 });

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).toReversed()) cleanup();
});

/** Each call is answered with 50 tokens of input and 10 of output. */
const REPLY = [
  '{"type":"message_start","message":{"model":"tea-1","usage":{"input_tokens":50,"output_tokens":1}}}',
  '{"type":"content_block_delta","delta":{"type":"text_delta","text":"Tea."}}',
  '{"type":"message_delta","usage":{"output_tokens":10}}',
  '{"type":"message_stop"}',
]
  .map((data) => `data: ${data}\n\n`)
  .join("");

async function startModel() {
  const calls: string[] = [];
  const server = createServer((request, response) => {
    calls.push(`${request.method} ${request.url} ${request.headers["x-api-key"]}`);
    request.resume();
    response.writeHead(200, { "content-type": "text/event-stream" }).end(REPLY);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => (server.closeAllConnections(), server.close()));
  const address = server.address();
  return { calls, url: `http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}` };
}

const fence = (info: string, body = "") => `\`\`\`${info}\n${body}\n\`\`\``;
const call = fence(
  "sh",
  `curl -sS -o reply -w 'status %{http_code}' -X POST -H "x-api-key: $TEA_KEY" -d '{}' "$TEA_URL/v1/messages"`,
);
const agent: HostLaunch["agent"] = {
  kind: "tea",
  command: scriptAgent,
  env: { TEA_URL: "{gateway.url}", TEA_KEY: "{gateway.key}" },
  gateway: "anthropic",
  secretEnv: false,
};
const NONE = { costMicros: null, tokens: null };
const limited = (limit: SpendingLimit, spent = { costMicros: 0, tokens: 0 }): SessionBudget => ({
  prices: [{ pattern: "tea-*", input: 1, output: 2, cacheRead: 0, cacheWrite: 0 }],
  limits: [{ scope: "task", limit, spent, until: null }],
});

async function given(prompt: readonly string[], budget?: SessionBudget) {
  const model = await startModel();
  const change = budget === undefined ? { agent } : { agent, budget };
  const { directory, launch } = aLaunch("http://127.0.0.1:9", prompt.join("\n"), change);
  const store = await startStore(launch.sessionId);
  store.credential = { status: 200, body: { kind: "anthropic", apiKey: "real-key", baseUrl: model.url } };
  writeFileSync(join(directory, "host.json"), JSON.stringify({ ...launch, controlPlaneUrl: store.url }));
  cleanups.push(
    () => store.close(),
    () => rmSync(directory, { recursive: true, force: true }),
  );
  return { directory, store, model };
}

const isOver = ({ phase, drained }: HostStatus) => phase === "ended" && drained;

async function runToEnd(prompt: readonly string[], budget?: SessionBudget) {
  const { directory, store, model } = await given(prompt, budget);
  const host = await openHost(directory);
  host.send(aToken());
  const status = await host.until(isOver);
  host.send({ type: "shutdown" });
  await host.exited;
  return { status, store, model };
}

const usage = (inputTokens: number, outputTokens: number) => [
  { model: "tea-1", inputTokens, outputTokens, cacheReadTokens: 0, cacheWriteTokens: 0 },
];

describe("[R51] a session's model calls", () => {
  it("are metered, and the last status has all of them", async () => {
    const { status, model } = await runToEnd([call, call, fence("say", "Done.")]);
    expect(model.calls).toEqual(Array.from({ length: 2 }, () => "POST /v1/messages real-key"));
    expect(status.end).toMatchObject({ outcome: "clean", failure: null });
    expect(status.metered).toEqual({ models: usage(100, 20), calls: 2, unmeteredCalls: 0 });
  });

  it("[R5] stay metered when their host is killed: the next host reports them", async () => {
    const { directory } = await given([call, fence("say", "Called."), fence("hang")]);
    const first = await startHost(directory);
    cleanups.push(() => first.child.kill("SIGKILL"));
    first.send(aToken());
    await first.until(({ metered }) => metered?.calls === 1);
    first.child.kill("SIGKILL");
    await first.exited;
    const second = await startHost(directory);
    cleanups.push(() => second.child.kill("SIGKILL"));
    second.send(aToken());
    const status = await second.until(isOver);
    expect(status.metered).toEqual({ models: usage(50, 10), calls: 1, unmeteredCalls: 0 });
    expect(status.end).toMatchObject({ outcome: "crashed" });
  });
});

describe("[security 39] a limit that is reached in the middle of a turn", () => {
  it("ends the session with the reason; the model gets no further call, and nothing of the transcript is lost", async () => {
    const calls = Array.from({ length: 5 }, (_, n) => [fence("say", `Call ${n}.`), call]).flat();
    const { status, store, model } = await runToEnd([...calls, fence("hang")], limited({ ...NONE, costMicros: 140 }));
    expect(model.calls).toHaveLength(2);
    expect(status.end).toMatchObject({
      outcome: "error",
      failure: {
        code: "budget_exceeded",
        message: expect.stringContaining("This task has spent $0.0001 of its limit of $0.0001."),
      },
    });
    expect(status.metered).toEqual({ models: usage(100, 20), calls: 2, unmeteredCalls: 0 });
    const texts = store.transcript().flatMap(({ kind, content }) => (kind === "text" ? [content] : []));
    expect(texts.slice(0, 2)).toEqual(["Call 0.", "Call 1."]);
    expect(status.digest).toEqual(store.digest());
  });

  it("counts what the task had spent before, also in tokens of models without a price", async () => {
    const before = { costMicros: 0, tokens: 940 };
    const budget = { ...limited({ costMicros: null, tokens: 1000 }, before), prices: [] };
    const { status, model } = await runToEnd([call, call, call, fence("hang")], budget);
    expect(model.calls).toHaveLength(1);
    expect(status.end?.failure).toMatchObject({
      code: "budget_exceeded",
      message: expect.stringContaining("This task has spent 1k tokens of its limit of 1k."),
    });
  });

  it("that is used up at the start lets no call through", async () => {
    const spent = { costMicros: 7, tokens: 0 };
    const { status, model } = await runToEnd([call, fence("hang")], limited({ costMicros: 7, tokens: null }, spent));
    expect(model.calls).toEqual([]);
    expect(status.end?.failure?.code).toBe("budget_exceeded");
  });
});
