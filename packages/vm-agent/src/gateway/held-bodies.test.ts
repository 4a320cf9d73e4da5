/** Bodies that the gateway holds, sent by a real client. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Result } from "@samovar/base";
import { afterEach, expect, test, vi } from "vitest";
import { listenOnLoopback } from "../listen.ts";
import { type BodyRefusal, HeldBodies, type HeldBody } from "./held-bodies.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function serve(bodies: HeldBodies) {
  const read: Result<HeldBody, BodyRefusal>[] = [];
  const onRequest = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await bodies.read(request);
    read.push(body);
    response.writeHead(body.ok ? 200 : body.error.status, { connection: "close" }).end();
  };
  const server = createServer((request, response) => void onRequest(request, response));
  closing.push(() => (server.closeAllConnections(), server.close()));
  const url = `http://127.0.0.1:${await listenOnLoopback(server)}`;
  const send = async (body: string | ReadableStream<Uint8Array>, signal: AbortSignal | null = null) =>
    (await fetch(url, { method: "POST", body, duplex: "half", signal } as RequestInit)).status;
  return { read, send };
}

test("[security 39] a body is refused when it is too large, or when others already fill what may be held", async () => {
  const { read, send } = await serve(new HeldBodies(10, 15));
  expect(await send("0123456789")).toBe(200);
  expect(await send("0123456789x")).toBe(413);
  expect(await send("012345")).toBe(503);
  expect(await send("01234")).toBe(200);
  const [first] = read;
  if (first?.ok === true) for (const _ of [1, 2]) first.value.release();
  expect(await send("0123456789")).toBe(200);
  expect(await send("0")).toBe(503);
});

test("[security 39] a client that leaves in the middle of its body leaves nothing behind", async () => {
  const { read, send } = await serve(new HeldBodies(10, 10));
  const leaving = new AbortController();
  const body = new ReadableStream<Uint8Array>({ start: (parts) => parts.enqueue(Buffer.from("01234567")) });
  const sent = send(body, leaving.signal).catch(() => "left");
  leaving.abort();
  expect(await sent).toBe("left");
  await vi.waitFor(async () => expect(await send("0123456789")).toBe(200));
  expect(read.filter(({ ok }) => ok)).toHaveLength(1);
});
