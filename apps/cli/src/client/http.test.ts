/** The client against a real server on loopback that answers as a control plane may. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { systemClock, systemRandom, systemTimers } from "@samovar/base";
import { aMessageView, aNodeView, aSessionView } from "@samovar/testing";
import { afterEach, describe, expect, it } from "vitest";
import { createClient } from "./connect.ts";

const SYSTEM = { clock: systemClock, timers: systemTimers, random: systemRandom };

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function serve(answer: (url: string) => Answer) {
  const seen: { url: string; method: string; token: string; key: string | undefined }[] = [];
  const server = createServer((request, response) => {
    const { url = "", method = "", headers } = request;
    seen.push({ url, method, token: String(headers.authorization), key: headers["idempotency-key"]?.toString() });
    const { status, body } = answer(url);
    response
      .writeHead(status, { "content-type": "application/json" })
      .end(typeof body === "string" ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { client: createClient({ url: `http://127.0.0.1:${port}`, token: "smv_test" }, SYSTEM), seen };
}

const refused = (code: string, status: number, message = "No.") => ({
  status,
  body: { error: { code, message, requestId: "req_1" } },
});
const first = aNodeView();
const second = aNodeView();

describe("calling the control plane", () => {
  it("sends the token, and reads every page of a list", async () => {
    const { client, seen } = await serve((url) => ({
      status: 200,
      body: url.includes("cursor=next")
        ? { items: [second], nextCursor: null }
        : { items: [first], nextCursor: "next" },
    }));
    expect((await client.nodes()).map(({ id }) => id)).toEqual([first.id, second.id]);
    expect(seen.map(({ token, method }) => `${method} ${token}`)).toEqual([
      "GET Bearer smv_test",
      "GET Bearer smv_test",
    ]);
  });

  it("reads a long transcript from the newest page back to the first message", async () => {
    const session = aSessionView({ messageCount: 450 });
    const all = Array.from({ length: 450 }, (_, position) => aMessageView({ position, sessionId: session.id }));
    const { client, seen } = await serve((url) => {
      const before = Number(new URL(url, "http://x").searchParams.get("before") ?? all.length);
      return { status: 200, body: { session, messages: all.slice(Math.max(0, before - 170), before) } };
    });
    expect(await client.messages(session.projectId, session.id)).toEqual(all);
    expect(seen).toHaveLength(3);
  });

  it("gives up on a transcript whose pages never reach its first message", async () => {
    const session = aSessionView({ messageCount: 9 });
    const page = [8].map((position) => aMessageView({ position, sessionId: session.id }));
    const same = await serve(() => ({ status: 200, body: { session, messages: page } }));
    await expect(same.client.messages(session.projectId, session.id)).rejects.toThrow(/before number 8 .*not be read/);
    const none = await serve((url) => ({
      status: 200,
      body: { session, messages: url.includes("before") ? [] : page },
    }));
    await expect(none.client.messages(session.projectId, session.id)).rejects.toThrow(/before number 8 .*not be read/);
    expect(none.seen).toHaveLength(2);
  });

  it("turns each refusal into a message and a hint", async () => {
    const wrongToken = await serve(() => refused("unauthenticated", 401, "The token is not known."));
    await expect(wrongToken.client.me()).rejects.toMatchObject({
      message: "The token is not known.",
      hint: expect.stringMatching(/samovar up/),
      code: "unauthenticated",
    });
    const missing = await serve(() => refused("credentials_missing", 409));
    await expect(missing.client.me()).rejects.toMatchObject({ hint: expect.stringMatching(/samovar credentials set/) });
    const broken = await serve(() => refused("internal", 500));
    await expect(broken.client.me()).rejects.toMatchObject({ hint: expect.stringMatching(/req_1/) });
  });

  it("reports a response of another shape, or without JSON", async () => {
    const other = await serve(() => ({ status: 200, body: { hello: 1 } }));
    await expect(other.client.me()).rejects.toThrow(/response to GET \/api\/me could not be read/);
    const proxy = await serve(() => ({ status: 502, body: "<html>" }));
    await expect(proxy.client.me()).rejects.toThrow(/status 502/);
  });

  it("explains how to start Samovar when nothing listens", async () => {
    const { client } = await serve(() => ({ status: 200, body: {} }));
    for (const close of closing.splice(0)) close();
    await expect(client.me()).rejects.toMatchObject({
      message: "No Samovar is running for this data directory.",
      hint: "Start it with: samovar up",
    });
  });
});
