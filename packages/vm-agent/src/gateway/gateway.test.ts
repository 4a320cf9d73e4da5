import { createServer, request } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { systemRandom, silentLogger } from "@samovar/base";
import type { ModelCredential } from "@samovar/contracts";
import { afterEach, describe, expect, it, vi } from "vitest";
import { startGateway } from "./gateway.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

type Given =
  | Omit<Extract<ModelCredential, { kind: "anthropic" }>, "kind" | "baseUrl">
  | Omit<Extract<ModelCredential, { kind: "openai" | "google" }>, "baseUrl">;

async function given(
  credential: Given,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  prefix = "",
) {
  const seen: IncomingMessage[] = [];
  const upstream = createServer((incoming, response) => {
    seen.push(incoming);
    answer(incoming, response);
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const address = upstream.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  const whole = {
    ...("kind" in credential ? credential : { ...credential, kind: "anthropic" as const }),
    baseUrl: `http://127.0.0.1:${port}${prefix}`,
  };
  const gateway = await startGateway({ api: whole.kind, random: systemRandom, log: silentLogger });
  gateway.use(whole);
  cleanups.push(
    () => gateway.close(),
    () => (upstream.closeAllConnections(), upstream.close()),
  );
  return { gateway, seen, upstream };
}

const echo = (incoming: IncomingMessage, response: ServerResponse) => incoming.pipe(response);

describe("the model gateway", () => {
  it("[S1] forwards nothing before it has a credential, and rejects another API's credential", async () => {
    const gateway = await startGateway({ api: "anthropic", random: systemRandom, log: silentLogger });
    cleanups.push(() => gateway.close());
    const init = { method: "POST", headers: { "x-api-key": gateway.key }, body: "{}" };
    const reply = await fetch(`${gateway.url}/v1/messages`, init);
    expect(reply.status).toBe(503);
    expect(await reply.json()).toMatchObject({ error: { message: "the gateway has no credential yet" } });
    expect(() => gateway.use({ kind: "openai", apiKey: "k" })).toThrow(/openai/);
  });

  it("[S1] replaces the generated key with the real one, and forwards the body both ways", async () => {
    const { gateway, seen } = await given({ apiKey: "real-key" }, echo, "/base");
    const reply = await fetch(`${gateway.url}/v1/messages?beta=true`, {
      method: "POST",
      headers: { "x-api-key": gateway.key, "anthropic-version": "2023-06-01", cookie: "a=b" },
      body: '{"hello":1}',
    });
    expect(await reply.text()).toBe('{"hello":1}');
    expect(seen[0]?.url).toBe("/base/v1/messages?beta=true");
    expect(seen[0]?.headers).toMatchObject({ "x-api-key": "real-key", "anthropic-version": "2023-06-01" });
    expect(seen[0]?.headers.cookie).toBeUndefined();
    expect(JSON.stringify(seen[0]?.headers)).not.toContain(gateway.key);
  });

  it("refuses an answer that Node reads but does not write, and goes on", async () => {
    const { gateway } = await given({ apiKey: "k" }, (incoming) =>
      incoming.socket.end("HTTP/1.1 099 Odd\r\ncontent-length: 2\r\n\r\n{}"),
    );
    const ask = () =>
      fetch(`${gateway.url}/v1/messages`, { method: "POST", headers: { "x-api-key": gateway.key }, body: "{}" });
    expect((await ask()).status).toBe(502);
    expect((await ask()).status).toBe(502);
  });

  it("sends an OAuth token as a bearer token, with the beta header that it needs", async () => {
    const { gateway, seen } = await given({ oauthToken: "real-token" }, echo);
    await fetch(`${gateway.url}/v1/messages`, {
      method: "POST",
      headers: { authorization: `Bearer ${gateway.key}`, "anthropic-beta": "x-1" },
      body: "{}",
    });
    expect(seen[0]?.headers).toMatchObject({
      authorization: "Bearer real-token",
      "anthropic-beta": "x-1,oauth-2025-04-20",
    });
    expect(seen[0]?.headers["x-api-key"]).toBeUndefined();
  });

  it("streams each part before the next one is sent", async () => {
    const sends: ServerResponse[] = [];
    const { gateway } = await given({ apiKey: "k" }, (incoming, response) => {
      incoming.resume();
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("event: one\n\n");
      sends.push(response);
    });
    const reply = await fetch(`${gateway.url}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": gateway.key },
      body: "{}",
    });
    const reader = reply.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("event: one\n\n");
    sends[0]?.end("event: two\n\n");
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("event: two\n\n");
    expect((await reader?.read())?.done).toBe(true);
  });

  it("aborts the request to the model when the agent aborts its request", async () => {
    const requests: ServerResponse[] = [];
    const { gateway } = await given({ apiKey: "k" }, (incoming, response) => {
      incoming.resume();
      response.writeHead(200).write("x");
      requests.push(response);
    });
    const leaving = new AbortController();
    await fetch(`${gateway.url}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": gateway.key },
      body: "{}",
      signal: leaving.signal,
    });
    const states = () => requests.map(({ closed, writableEnded }) => ({ closed, writableEnded }));
    expect(states()).toEqual([{ closed: false, writableEnded: false }]);
    leaving.abort();
    await vi.waitFor(() => expect(states()).toEqual([{ closed: true, writableEnded: false }]), { interval: 5 });
  });

  it.each([
    ["no key", "/v1/messages", "POST", {}, 401],
    ["another key", "/v1/messages", "POST", { "x-api-key": "sk-other" }, 401],
    ["another path", "/api/oauth/profile", "GET", null, 404],
    ["a path traversal", "/v1/messages/../../admin", "GET", null, 404],
    ["an encoded path traversal", "/v1/messages/%2e%2e/admin", "GET", null, 404],
    ["another method", "/v1/messages", "DELETE", null, 405],
    ["a body too large", "/v1/messages", "POST", { "content-length": String(65 * 1024 * 1024) }, 413],
  ])("refuses %s without contacting the upstream", async (_what, path, method, headers, status) => {
    const { gateway, seen } = await given({ apiKey: "k" }, echo);
    const { port } = new URL(gateway.url);
    const answered = await new Promise<number | undefined>((resolve, reject) => {
      const sent = request(
        {
          host: "127.0.0.1",
          port,
          path,
          method,
          headers: {
            ...(headers ?? { "x-api-key": gateway.key }),
            ...(status === 413 ? { "x-api-key": gateway.key } : {}),
          },
        },
        (reply) => {
          resolve(reply.statusCode);
          sent.destroy();
        },
      );
      sent.on("error", reject);
      sent.flushHeaders();
      if (status !== 413) sent.end();
    });
    expect(answered).toBe(status);
    expect(seen).toHaveLength(0);
  });

  it("reports an unreachable upstream", async () => {
    const { gateway, upstream } = await given({ apiKey: "k" }, echo);
    await new Promise((resolve) => upstream.close(resolve));
    const reply = await fetch(`${gateway.url}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": gateway.key },
      body: "{}",
    });
    expect(reply.status).toBe(502);
    expect(await reply.json()).toMatchObject({ type: "error", error: { type: "api_error" } });
  });
});

describe("[S1] the gateway of the OpenAI API", () => {
  const openai = { kind: "openai", apiKey: "real-key" } as const;

  it.each([
    ["", "/v1/responses", "/v1/responses"],
    ["/", "/v1/chat/completions", "/v1/chat/completions"],
    ["/v1", "/v1/models", "/v1/models"],
    ["/api/v1/", "/v1/models/tea:1.5-mini", "/api/v1/models/tea:1.5-mini"],
    ["/v1beta/openai", "/v1/chat/completions?api-version=1", "/v1beta/openai/chat/completions?api-version=1"],
  ])("with the base address %s, forwards %s to %s with the real key", async (base, path, target) => {
    const { gateway, seen } = await given(openai, echo, base);
    const body = path.includes("models") ? {} : { method: "POST", body: '{"hello":1}' };
    const reply = await fetch(gateway.url + path, {
      ...body,
      headers: { authorization: `Bearer ${gateway.key}`, "x-api-key": "unrelated", "openai-beta": "x" },
    });
    expect(await reply.text()).toBe(path.includes("models") ? "" : '{"hello":1}');
    expect(seen[0]?.url).toBe(target);
    expect(seen[0]?.headers).toMatchObject({ authorization: "Bearer real-key", "openai-beta": "x" });
    expect(seen[0]?.headers["x-api-key"]).toBeUndefined();
  });

  it("sends no key to an upstream without one", async () => {
    const { gateway, seen } = await given({ kind: "openai" }, echo);
    await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${gateway.key}` } });
    expect(seen[0]?.headers.authorization).toBeUndefined();
  });

  it.each([
    ["no key", "/v1/responses", "none", 401],
    ["the key in another API's header", "/v1/responses", "x-api-key", 401],
    ["another path", "/v1/files", "authorization", 404],
    ["another API's path", "/v1/messages", "authorization", 404],
    ["a path traversal", "/v1/models/%2e%2e/organization", "authorization", 404],
  ])("refuses %s in the API's error format without contacting the upstream", async (_what, path, header, status) => {
    const { gateway, seen } = await given(openai, echo);
    const reply = await fetch(gateway.url + path, {
      headers: { [header]: header === "authorization" ? `Bearer ${gateway.key}` : gateway.key },
    });
    expect(reply.status).toBe(status);
    expect(await reply.json()).toMatchObject({
      error: { type: "invalid_request_error", message: expect.stringContaining("gateway") },
    });
    expect(seen).toHaveLength(0);
  });
});

const SCRIPTED_STREAM = [
  '{"type":"message_start","message":{"model":"claude-tea","usage":{"input_tokens":10,"output_tokens":1}}}',
  '{"type":"message_delta","usage":{"output_tokens":40}}',
  '{"type":"message_stop"}',
].map((data) => `data: ${data}\n\n`);
const stream = (incoming: IncomingMessage, response: ServerResponse) => {
  incoming.resume();
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const event of SCRIPTED_STREAM) response.write(event);
  response.end();
};
const calls = (gateway: { readonly url: string; readonly key: string }, headers: Record<string, string> = {}) =>
  fetch(`${gateway.url}/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": gateway.key, ...headers },
    body: "{}",
  });

describe("[R51] the gateway's meter", () => {
  it("counts each call from its reply, which passes unchanged, and asks for no compression", async () => {
    const { gateway, seen } = await given({ apiKey: "k" }, stream);
    for (let n = 0; n < 2; n++)
      expect(await (await calls(gateway, { "accept-encoding": "gzip, br" })).text()).toBe(SCRIPTED_STREAM.join(""));
    expect(seen.map(({ headers }) => headers["accept-encoding"])).toEqual(["identity", "identity"]);
    const usage = { model: "claude-tea", inputTokens: 20, outputTokens: 80, cacheReadTokens: 0, cacheWriteTokens: 0 };
    expect(gateway.meter.metered).toEqual({ models: [usage], calls: 2, unmeteredCalls: 0 });
  });

  it("counts the input of a reply that the agent abandons", async () => {
    const { gateway } = await given({ apiKey: "k" }, (incoming, response) => {
      incoming.resume();
      response.writeHead(200, { "content-type": "text/event-stream" }).write(SCRIPTED_STREAM[0]);
    });
    const leaving = new AbortController();
    const metered = Promise.withResolvers<unknown>();
    gateway.meter.attach(null, { onMetered: metered.resolve, onLimitReached: () => {} });
    const reply = await fetch(`${gateway.url}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": gateway.key },
      body: "{}",
      signal: leaving.signal,
    });
    await reply.body?.getReader().read();
    leaving.abort();
    expect(await metered.promise).toMatchObject({ models: [{ inputTokens: 10, outputTokens: 1 }], calls: 1 });
  });

  it("counts a reply without usage as not metered, and a refused call not at all", async () => {
    let status = 200;
    const { gateway } = await given({ apiKey: "k" }, (incoming, response) => {
      incoming.resume();
      response.writeHead(status, { "content-type": "application/json" }).end("{}");
    });
    await (await calls(gateway)).text();
    status = 429;
    await (await calls(gateway)).text();
    expect(gateway.meter.metered).toEqual({ models: [], calls: 0, unmeteredCalls: 1 });
  });

  it("[security 39] refuses the call after the one that reached the limit, in the API's error format, without asking the model", async () => {
    const { gateway, seen } = await given({ apiKey: "k" }, stream);
    const price = { pattern: "claude-*", input: 1, output: 1, cacheRead: 0, cacheWrite: 0 };
    const limit = { costMicros: 100, tokens: null };
    const spent = { costMicros: 0, tokens: 0 };
    const reached: unknown[] = [];
    gateway.meter.attach(
      { limits: [{ scope: "task", limit, spent, until: null }], prices: [price] },
      { onMetered: () => {}, onLimitReached: (which) => reached.push(which) },
    );
    // 50 micro-dollars each.
    for (let n = 0; n < 2; n++) expect((await calls(gateway)).status).toBe(200);
    expect(reached).toEqual([{ scope: "task", limit, spent: { costMicros: 100, tokens: 100 } }]);
    for (let n = 0; n < 2; n++) {
      const refused = await calls(gateway);
      expect([refused.status, await refused.json()]).toEqual([
        402,
        { type: "error", error: { type: "billing_error", message: expect.stringContaining("limit") } },
      ]);
    }
    expect(seen).toHaveLength(2);
    expect(reached).toHaveLength(1);
  });
});

/** A model that answers when it is told to. */
async function givenSlowModel(limit: number) {
  const held: ServerResponse[] = [];
  const { gateway, seen } = await given({ apiKey: "k" }, (incoming, response) => {
    incoming.resume();
    held.push(response);
  });
  const price = { pattern: "claude-*", input: 1, output: 1, cacheRead: 1, cacheWrite: 1 };
  const spent = { costMicros: 0, tokens: 0 };
  gateway.meter.attach(
    { limits: [{ scope: "task", limit: { costMicros: limit, tokens: null }, spent, until: null }], prices: [price] },
    { onMetered: () => {}, onLimitReached: () => {} },
  );
  const ask = (signal?: AbortSignal) =>
    fetch(`${gateway.url}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": gateway.key },
      body: JSON.stringify({ model: "claude-tea", max_tokens: 400 }),
      ...(signal === undefined ? {} : { signal }),
    });
  const answer = (at: number, output: number) =>
    held[at]
      ?.writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify({ model: "claude-tea", usage: { input_tokens: 0, output_tokens: output } }));
  const isAsked = (times: number) => vi.waitFor(() => expect(held).toHaveLength(times), { interval: 5 });
  return { gateway, seen, ask, answer, isAsked };
}

describe("[security 39] calls at the same time", () => {
  it("pass a limit by no more than one call alone: those wait that would pass it by what the others may use", async () => {
    const { gateway, seen, ask, answer, isAsked } = await givenSlowModel(1000);
    const asked = [1, 2, 3, 4, 5].map(() => ask());
    await isAsked(2);
    answer(0, 400);
    answer(1, 400);
    await isAsked(3);
    answer(2, 400);
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual([200, 200, 200, 402, 402]);
    expect(seen).toHaveLength(3);
    expect(gateway.meter.metered.models).toMatchObject([{ outputTokens: 1200 }]);
  });

  it("go on when a call used less than it might have, and when one under way is given up or fails", async () => {
    const { ask, answer, isAsked, seen } = await givenSlowModel(1000);
    const leaving = new AbortController();
    const left = ask(leaving.signal).catch(() => "left");
    await isAsked(1);
    const [second, third, fourth] = [ask(), ask(), ask()];
    await isAsked(2);
    leaving.abort();
    expect(await left).toBe("left");
    await isAsked(3);
    answer(1, 10);
    await isAsked(4);
    answer(2, 10);
    answer(3, 10);
    const replies = await Promise.all([second, third, fourth]);
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(seen).toHaveLength(4);
  });

  it("lose their place when their agent leaves while they wait", async () => {
    const { ask, answer, isAsked, seen } = await givenSlowModel(500);
    const first = ask();
    await isAsked(1);
    const leaving = new AbortController();
    const left = ask(leaving.signal).catch(() => "left");
    const last = ask();
    leaving.abort();
    expect(await left).toBe("left");
    answer(0, 10);
    await isAsked(2);
    answer(1, 10);
    expect((await Promise.all([first, last])).map(({ status }) => status)).toEqual([200, 200]);
    expect(seen).toHaveLength(2);
  });
});

describe("[S1] the gateway of the Gemini API", () => {
  const google = { kind: "google", apiKey: "real-key" } as const;
  const STREAM = "/v1beta/models/tea-2.5:streamGenerateContent";

  it.each([
    ["", `${STREAM}?alt=sse&key=unrelated`, `${STREAM}?alt=sse`],
    ["/v1beta", `${STREAM}?key=unrelated`, STREAM],
    ["/proxy", "/v1/models/tea:countTokens", "/proxy/v1/models/tea:countTokens"],
  ])(
    "with the base address %s, forwards %s to %s with the real key and no key in the query",
    async (base, path, target) => {
      const { gateway, seen } = await given(google, echo, base);
      const headers = { "x-goog-api-key": gateway.key };
      const reply = await fetch(gateway.url + path, { method: "POST", headers, body: "{}" });
      expect(await reply.text()).toBe("{}");
      expect(seen[0]?.url).toBe(target);
      expect(seen[0]?.headers["x-goog-api-key"]).toBe("real-key");
    },
  );

  it("refuses a key in the query and unknown paths in the API's error format", async () => {
    const { gateway, seen } = await given(google, echo);
    const shown = await fetch(`${gateway.url}${STREAM}?key=${gateway.key}`, { method: "POST", body: "{}" });
    expect([shown.status, await shown.json()]).toMatchObject([
      401,
      { error: { code: 401, status: "UNAUTHENTICATED" } },
    ]);
    const headers = { "x-goog-api-key": gateway.key };
    for (const path of ["/v1beta/models/tea:tune", "/v1beta/files", "/v1internal:generateContent"]) {
      expect(await (await fetch(gateway.url + path, { headers })).json()).toMatchObject({ error: { code: 404 } });
    }
    expect(seen).toHaveLength(0);
  });
});
