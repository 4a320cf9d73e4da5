/** The gateway over a real socket, with an upstream that counts what reaches it. */
import { createServer } from "node:http";
import { connect } from "node:net";
import { silentLogger, systemRandom } from "@samovar/base";
import type { ModelApi } from "@samovar/contracts";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Gateway } from "./gateway.ts";
import { startGateway } from "./gateway.ts";

const seen: { readonly line: string; readonly headers: string }[] = [];
const gateways = new Map<ModelApi, Gateway>();
const upstream = createServer((request, response) => {
  seen.push({ line: `${request.method} ${request.url}`, headers: JSON.stringify(request.rawHeaders) });
  request.resume();
  response.end("{}");
});

beforeAll(async () => {
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const address = upstream.address();
  const baseUrl = `http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`;
  for (const kind of ["anthropic", "openai", "google"] as const) {
    const gateway = await startGateway({ api: kind, random: systemRandom, log: silentLogger });
    gateway.use({ kind, apiKey: "real-key", baseUrl });
    gateways.set(kind, gateway);
  }
});
afterEach(() => void seen.splice(0));
afterAll(async () => {
  await Promise.all([...gateways.values()].map((gateway) => gateway.close()));
  upstream.closeAllConnections();
  await new Promise((resolve) => upstream.close(resolve));
});

interface Sent {
  readonly api: ModelApi;
  /** Method and target, as they go over the wire. */
  readonly line: string;
  readonly host?: string;
  readonly headers?: readonly string[];
}

/** Sends exactly these bytes: `fetch` would normalize the path. Status 0 when the connection closes without a reply. */
async function send({ api, line, host, headers = [] }: Sent): Promise<{ status: number; body: unknown }> {
  const gateway = gateways.get(api);
  if (gateway === undefined) throw new Error(`no gateway for ${api}`);
  const port = Number(new URL(gateway.url).port);
  const key = { anthropic: "x-api-key: ", openai: "authorization: Bearer ", google: "x-goog-api-key: " }[api];
  const lines = [
    `${line} HTTP/1.1`,
    `host: ${host ?? `127.0.0.1:${port}`}`,
    `${key}${gateway.key}`,
    "connection: close",
    ...headers,
    ...(line.startsWith("POST") ? ["content-length: 2", "", "{}"] : ["", ""]),
  ];
  const reply = await new Promise<string>((resolve, reject) => {
    const parts: Buffer[] = [];
    const socket = connect(port, "127.0.0.1", () => socket.write(lines.join("\r\n")));
    socket.on("data", (part) => parts.push(part));
    socket.on("error", reject);
    socket.on("close", () => resolve(Buffer.concat(parts).toString()));
  });
  const body = /\{.*\}/s.exec(reply)?.[0];
  return { status: Number(reply.split(" ")[1] ?? 0), body: body === undefined ? null : JSON.parse(body) };
}

const ANTHROPIC_ERROR = {
  type: "error",
  error: { type: expect.any(String), message: expect.stringContaining("gateway") },
};
const OPENAI_ERROR = { error: { type: "invalid_request_error", message: expect.stringContaining("gateway") } };
const GOOGLE_ERROR = { error: { code: expect.any(Number), message: expect.stringContaining("gateway") } };
const ERRORS = { anthropic: ANTHROPIC_ERROR, openai: OPENAI_ERROR, google: GOOGLE_ERROR };

describe("[S1] the gateway forwards what an agent needs", () => {
  it.each<[ModelApi, string]>([
    ["anthropic", "POST /v1/messages"],
    ["anthropic", "POST /v1/messages?beta=true"],
    ["anthropic", "POST /v1/messages/count_tokens?beta=true"],
    ["anthropic", "GET /v1/models?limit=1000&after_id=a"],
    ["anthropic", "GET /v1/models/claude-tea-4.5"],
    ["openai", "POST /v1/responses"],
    ["openai", "POST /v1/responses/compact"],
    ["openai", "POST /v1/chat/completions"],
    ["openai", "POST /v1/embeddings"],
    ["openai", "GET /v1/models?client_version=0.150.0"],
    ["openai", "GET /v1/models/ft:tea-4o:org::id"],
    ["google", "POST /v1beta/models/tea-2.5-pro:streamGenerateContent?alt=sse"],
    ["google", "POST /v1beta/models/tea-2.5-pro:generateContent"],
    ["google", "POST /v1beta/models/tea-2.5-pro:countTokens"],
    ["google", "GET /v1beta/models?pageSize=5"],
    ["google", "GET /v1/models/tea-2.5-pro"],
  ])("%s: %s", async (api, line) => {
    expect((await send({ api, line })).status).toBe(200);
    expect(seen.map((request) => request.line)).toEqual([line]);
    expect(seen[0]?.headers).toContain("real-key");
  });

  it("under the name localhost and another port, as in a sandbox", async () => {
    expect((await send({ api: "anthropic", line: "POST /v1/messages", host: "localhost:99" })).status).toBe(200);
  });
});

describe("[security 26] the gateway sends the key nowhere else", () => {
  it.each<[ModelApi, string, number]>([
    // Other requests of the same API: they read or change what belongs to other sessions.
    ["anthropic", "GET /v1/messages/batches", 404],
    ["anthropic", "POST /v1/messages/batches", 404],
    ["anthropic", "POST /v1/messages/batches/x/cancel", 404],
    ["anthropic", "GET /v1/messages/batches/x/results", 404],
    ["anthropic", "GET /v1/messages", 405],
    ["anthropic", "DELETE /v1/messages", 405],
    ["anthropic", "GET /v1/messages/count_tokens", 405],
    ["anthropic", "POST /v1/models", 405],
    ["anthropic", "POST /v1/complete", 404],
    ["anthropic", "GET /v1/files", 404],
    ["anthropic", "GET /v1/organizations/api_keys", 404],
    ["anthropic", "GET /api/oauth/profile", 404],
    ["anthropic", "HEAD /", 404],
    ["openai", "GET /v1/responses/x", 404],
    ["openai", "DELETE /v1/responses/x", 404],
    ["openai", "POST /v1/responses/x/cancel", 404],
    ["openai", "GET /v1/responses", 405],
    ["openai", "GET /v1/chat/completions", 405],
    ["openai", "GET /v1/chat/completions/x/messages", 404],
    ["openai", "DELETE /v1/models/ft:tea", 405],
    ["openai", "POST /v1/files", 404],
    ["openai", "POST /v1/fine_tuning/jobs", 404],
    ["openai", "POST /v1/batches", 404],
    ["openai", "GET /v1/organization/admin_api_keys", 404],
    ["google", "POST /v1beta/models/tea:tune", 404],
    ["google", "POST /v1beta/models/tea:batchGenerateContent", 404],
    ["google", "GET /v1beta/models/tea:generateContent", 405],
    ["google", "GET /v1beta/models/tea:generateContent:x", 404],
    ["google", "POST /v1beta/cachedContents", 404],
    ["google", "GET /v1beta/files", 404],
    ["google", "POST /upload/v1beta/files", 404],
    ["google", "POST /v1internal:generateContent", 404],
    ["google", "DELETE /v1beta/models/tea", 405],
    // Another API's paths.
    ["anthropic", "POST /v1/responses", 404],
    ["openai", "POST /v1/messages", 404],
    ["google", "POST /v1/chat/completions", 404],
    // Other spellings of a path.
    ["anthropic", "POST /v1/messages/", 404],
    ["anthropic", "POST //v1/messages", 404],
    ["anthropic", "POST /v1//messages", 404],
    ["anthropic", "POST /V1/messages", 404],
    ["anthropic", "POST /v1/messages/../files", 404],
    ["anthropic", "POST /v1/./messages", 404],
    ["anthropic", "POST /v1/models/../messages", 404],
    ["anthropic", "GET /v1/models/..", 404],
    ["anthropic", "GET /v1/models/.", 404],
    ["anthropic", "GET /v1/models/x/..", 404],
    ["anthropic", "GET /v1/models/%2e%2e/files", 404],
    ["anthropic", "GET /v1/models/%2e%2e", 404],
    ["anthropic", "GET /v1/models/..%2ffiles", 404],
    ["anthropic", "GET /v1/models/x%2f..%2f..%2ffiles", 404],
    ["anthropic", "GET /v1/models/x%5c..%5cfiles", 404],
    ["anthropic", "GET /v1/models/x\\..\\..\\files", 404],
    ["anthropic", "POST /v1/messages%2fbatches", 404],
    ["anthropic", "POST /v1/messages;x=1", 404],
    ["anthropic", "POST /v1/messages#x", 404],
    ["anthropic", "POST /v1/%6dessages", 404],
    ["anthropic", `GET /v1/models/${"x".repeat(201)}`, 404],
    ["anthropic", `GET /v1/models?limit=${"1".repeat(3000)}`, 404],
    ["google", "POST /v1beta/models/../files:generateContent", 404],
    ["google", "POST /v1beta/models/x%2fy:generateContent", 404],
    // Other forms of a target.
    ["anthropic", "POST http://127.0.0.1/v1/messages", 404],
    ["anthropic", "POST https://evil.example/v1/messages", 404],
    ["anthropic", "POST evil.example/v1/messages", 400],
    ["anthropic", "OPTIONS *", 404],
    ["anthropic", "CONNECT api.anthropic.com:443", 0],
    ["anthropic", "PATCH /v1/messages", 405],
    // Query parameters that nothing needs.
    ["anthropic", "POST /v1/messages?x=1", 400],
    ["anthropic", "POST /v1/messages?beta=true&workspace=other", 400],
    ["openai", "POST /v1/responses?background=true", 400],
    ["openai", "POST /v1/chat/completions?key=x", 400],
    ["google", "POST /v1beta/models/tea:generateContent?%24httpMethod=DELETE", 400],
    ["google", "GET /v1beta/models/tea?access_token=x", 400],
  ])("%s: %s", async (api, line, status) => {
    const reply = await send({ api, line });
    expect(reply.status).toBe(status);
    // Node itself refuses what is no HTTP, and a HEAD has no body.
    if (status !== 0 && reply.body !== null) expect(reply.body).toMatchObject(ERRORS[api]);
    expect(seen).toEqual([]);
  });

  it.each([
    "evil.example",
    "api.anthropic.com",
    "127.0.0.1.evil.example",
    "169.254.169.254",
    "[::1]:80",
    "user@127.0.0.1",
  ])("refuses the host %s", async (host) => {
    const reply = await send({ api: "anthropic", line: "POST /v1/messages", host });
    expect(reply).toMatchObject({ status: 403, body: { error: { type: "permission_error" } } });
    expect(seen).toEqual([]);
  });

  it("forwards no header that replaces the method, and answers an upgrade as an ordinary request", async () => {
    const headers = ["x-http-method-override: DELETE", "x-http-method: DELETE", "x-method-override: DELETE"];
    await send({ api: "google", line: "POST /v1beta/models/tea:generateContent", headers });
    expect(seen).toHaveLength(1);
    expect(seen[0]?.headers).not.toMatch(/DELETE/);
    const upgrade = ["upgrade: websocket", "sec-websocket-version: 13", "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA=="];
    expect((await send({ api: "openai", line: "GET /v1/responses", headers: upgrade })).status).toBe(405);
    expect(seen).toHaveLength(1);
  });
});
