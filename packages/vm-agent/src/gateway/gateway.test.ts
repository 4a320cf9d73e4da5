import { createServer, request } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { systemRandom, silentLogger } from "@samovar/base";
import type { ModelCredential } from "@samovar/contracts";
import { afterEach, describe, expect, it } from "vitest";
import { startGateway } from "./gateway.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function given(
  credential: Omit<Extract<ModelCredential, { kind: "anthropic" }>, "kind" | "baseUrl">,
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
  const gateway = await startGateway({
    credential: { kind: "anthropic", ...credential, baseUrl: `http://127.0.0.1:${port}${prefix}` },
    random: systemRandom,
    log: silentLogger,
  });
  cleanups.push(
    () => gateway.close(),
    () => (upstream.closeAllConnections(), upstream.close()),
  );
  return { gateway, seen, upstream };
}

const echo = (incoming: IncomingMessage, response: ServerResponse) => incoming.pipe(response);

describe("the model gateway", () => {
  it("[S1] swaps its own key for the real one, and passes the body both ways", async () => {
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

  it("sends an OAuth token as bearer, with the beta that it needs", async () => {
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

  it("streams: a part is here before the next is sent", async () => {
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

  it("when the agent leaves, the model is no longer asked", async () => {
    const left = Promise.withResolvers<void>();
    const { gateway } = await given({ apiKey: "k" }, (incoming, response) => {
      incoming.resume();
      response.writeHead(200).write("x");
      response.on("close", () => left.resolve());
    });
    const leaving = new AbortController();
    await fetch(`${gateway.url}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": gateway.key },
      body: "{}",
      signal: leaving.signal,
    });
    leaving.abort();
    await left.promise;
  });

  it.each([
    ["no key", "/v1/messages", "POST", {}, 401],
    ["another key", "/v1/messages", "POST", { "x-api-key": "sk-other" }, 401],
    ["another path", "/api/oauth/profile", "GET", null, 404],
    ["a way out", "/v1/messages/../../admin", "GET", null, 404],
    ["an encoded way out", "/v1/messages/%2e%2e/admin", "GET", null, 404],
    ["another method", "/v1/messages", "DELETE", null, 405],
    ["a body too large", "/v1/messages", "POST", { "content-length": String(65 * 1024 * 1024) }, 413],
  ])("refuses %s, and the upstream hears nothing", async (_what, path, method, headers, status) => {
    const { gateway, seen } = await given({ apiKey: "k" }, echo);
    const { port } = new URL(gateway.url);
    const answered = await new Promise<number | undefined>((resolve, reject) => {
      const asking = request(
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
          asking.destroy();
        },
      );
      asking.on("error", reject);
      asking.flushHeaders();
      if (status !== 413) asking.end();
    });
    expect(answered).toBe(status);
    expect(seen).toHaveLength(0);
  });

  it("says so when the model's address cannot be reached", async () => {
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
