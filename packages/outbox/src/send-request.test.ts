import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { sendRequest } from "./send-request.ts";

let close = () => {};
afterEach(() => close());

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer);
  const sockets: Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { url: new URL(`http://127.0.0.1:${port}/x`), sockets };
}

const signal = new AbortController().signal;

test("[F4] a request on a kept connection that was closed meanwhile is sent again on a new one", async () => {
  const { url, sockets } = await serve((_request, response) => response.end("tea"));
  expect(await sendRequest(url, { headers: {}, signal })).toMatchObject({ status: 200, text: "tea" });
  // As a proxy does that gives up an idle connection at the moment of a request.
  sockets[0]?.resetAndDestroy();
  expect(await sendRequest(url, { headers: {}, signal })).toMatchObject({ status: 200, text: "tea" });
  expect(sockets).toHaveLength(2);
});

test("a connection is used for the next request", async () => {
  const { url, sockets } = await serve((_request, response) => response.end());
  for (let n = 0; n < 3; n++) await sendRequest(url, { headers: {}, signal });
  expect(sockets).toHaveLength(1);
});

test("a redirect is an answer, and is not followed", async () => {
  const { url } = await serve((_request, response) => response.writeHead(302, { location: "/elsewhere" }).end());
  expect(await sendRequest(url, { headers: {}, signal })).toMatchObject({ status: 302 });
});

test("an answer that is longer than allowed, or ends early, is an error", async () => {
  const { url } = await serve((_request, response) => response.end("x".repeat(1000)));
  await expect(sendRequest(url, { headers: {}, signal, maxBytes: 999 })).rejects.toThrow("longer than 999 bytes");
  close();
  const cut = await serve((_request, response) => {
    response.writeHead(200, { "content-length": "1000" }).write("x");
    response.socket?.destroySoon();
  });
  await expect(sendRequest(cut.url, { headers: {}, signal })).rejects.toThrow();
});

test("an abort ends a request without an answer, and one whose answer never ends", async () => {
  for (const begin of [() => {}, (response: ServerResponse) => response.writeHead(200).write("x")]) {
    const stopping = new AbortController();
    const { url } = await serve((_request, response) => {
      begin(response);
      stopping.abort(new Error("stopped"));
    });
    await expect(sendRequest(url, { headers: {}, signal: stopping.signal })).rejects.toThrow("stopped");
    close();
  }
});
