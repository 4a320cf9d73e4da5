import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { idSource, systemClock, systemRandom } from "@samovar/base";
import { aDeliveredMessage } from "@samovar/testing";
import { afterEach, describe, expect, test } from "vitest";
import { httpTransport } from "./http-transport.ts";

const workspaceId = idSource(systemClock, systemRandom).make("wsp");
const message = aDeliveredMessage();
let close = () => {};
afterEach(() => close());

/** A store on loopback with scripted answers, and the transport to it. */
async function storeThat(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  close = () => server.closeAllConnections();
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const transport = httpTransport(`http://127.0.0.1:${port}`, workspaceId);
  return (signal = new AbortController().signal) =>
    transport.send([message], "the-token", signal).finally(() => server.close());
}

const status = (code: number, headers: Record<string, string> = {}) =>
  storeThat((_request, response) => response.writeHead(code, headers).end("{}"));

describe("a batch over HTTP", () => {
  test("[R2] goes to the workspace's address with its token, and brings the verdicts back", async () => {
    const results = [{ messageId: message.messageId, outcome: "stored", length: 1, revision: 1 }];
    const seen: unknown[] = [];
    const send = await storeThat((request, response) => {
      let body = "";
      request.on("data", (piece: Buffer) => (body += piece.toString()));
      request.on("end", () => {
        seen.push(request.method, request.url, request.headers.authorization, JSON.parse(body));
        response.end(JSON.stringify({ persisted: 1, duplicates: 0, results }));
      });
    });
    expect(await send()).toEqual({ kind: "answered", reply: { persisted: 1, duplicates: 0, results } });
    expect(seen).toEqual([
      "POST",
      `/api/workspaces/${workspaceId}/messages`,
      "Bearer the-token",
      { messages: [message] },
    ]);
  });

  test("[F38] a refused token asks for another", async () => {
    expect(await (await status(401))()).toEqual({ kind: "unauthorized" });
  });

  test("a batch that is too large is to be split", async () => {
    expect(await (await status(413))()).toEqual({ kind: "too_large" });
  });

  test.each([
    [503, {}, null],
    [429, { "retry-after": "7" }, 7000],
    [429, { "retry-after": "soon" }, null],
    [404, {}, null],
  ])("[R2] status %s fails for now, and never means that a row may go", async (code, headers, retryAfterMs) => {
    const outcome = await (await status(code, headers))();
    expect(outcome).toEqual({ kind: "failed", answered: true, reason: `the store answered ${code}`, retryAfterMs });
  });

  test("rejects an answer without an outcome for each row", async () => {
    const send = await storeThat((_request, response) =>
      response.end(JSON.stringify({ persisted: 0, duplicates: 0, results: [] })),
    );
    expect(await send()).toMatchObject({ kind: "failed", reason: "the store's answer could not be understood" });
  });

  test("[F4] a connection that breaks, and a stop of our own, are failures to try again", async () => {
    const send = await storeThat((request) => request.socket.destroy());
    expect(await send()).toMatchObject({ kind: "failed", answered: false, retryAfterMs: null });
    const stopping = new AbortController();
    const sendSlowly = await storeThat(() => stopping.abort());
    expect(await sendSlowly(stopping.signal)).toMatchObject({ kind: "failed" });
  });
});
