import { createServer } from "node:http";
import { afterEach, describe, expect, it, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { type Fault, type FaultProxy, startFaultProxy } from "./fault-proxy.ts";
import { closeServer, listenOnLoopback, readBody } from "./loopback.ts";
import { testTime } from "./test-time.ts";

const disposals: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const dispose of disposals.splice(0).toReversed()) await dispose();
});

/** Echoes bodies and WebSocket messages, and remembers what reached it. */
async function startTarget() {
  const reached: string[] = [];
  const server = createServer(async (request, response) => {
    const body = await readBody(request);
    reached.push(`${request.method} ${request.url} ${body}`);
    response.writeHead(201, { "x-target": "yes" }).end(`echo:${body}`);
  });
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => {
    reached.push("connected");
    socket.on("message", (data) => socket.send(String(data)));
  });
  const url = await listenOnLoopback(server);
  disposals.push(() => closeServer(server));
  return { url, reached };
}

async function start(schedule: readonly Fault[] = [], timers = testTime()) {
  const target = await startTarget();
  const proxy = await startFaultProxy({ target: target.url, schedule, timers });
  disposals.push(() => proxy.close());
  const post = (body: string) => fetch(`${proxy.url}/a?b=1`, { method: "POST", body });
  return { ...target, proxy, post, timers };
}

async function dial(proxy: FaultProxy) {
  const socket = new WebSocket(proxy.url.replace("http", "ws"));
  const received: string[] = [];
  socket.on("error", () => {});
  socket.on("message", (data) => received.push(String(data)));
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const opened = new Promise<boolean>((resolve) => {
    socket.once("open", () => resolve(true));
    void closed.then(() => resolve(false));
  });
  disposals.push(async () => socket.terminate());
  return { socket, received, closed, opened: await opened };
}

describe("a proxy that goes wrong on purpose", () => {
  it("passes requests on as they are once its schedule is over", async () => {
    const { post, reached } = await start();
    const response = await post("tea");
    expect([response.status, response.headers.get("x-target"), await response.text()]).toEqual([
      201,
      "yes",
      "echo:tea",
    ]);
    expect(reached).toEqual(["POST /a?b=1 tea"]);
  });

  it("drops a request before the target hears of it", async () => {
    const { post, reached } = await start([{ kind: "drop_request" }]);
    await expect(post("tea")).rejects.toThrow();
    expect(reached).toEqual([]);
  });

  it("[F4] lets the target act and drops its reply", async () => {
    const { post, reached } = await start([{ kind: "drop_reply" }]);
    await expect(post("tea")).rejects.toThrow();
    expect(reached).toEqual(["POST /a?b=1 tea"]);
  });

  it("sends a request twice", async () => {
    const { post, reached } = await start([{ kind: "duplicate" }]);
    expect(await (await post("tea")).text()).toBe("echo:tea");
    expect(reached).toHaveLength(2);
  });

  it("answers with a status instead of the target", async () => {
    const { post, reached } = await start([{ kind: "status", status: 503, body: '{"no":1}' }]);
    const response = await post("tea");
    expect([response.status, await response.text(), reached]).toEqual([503, '{"no":1}', []]);
  });

  it("holds a request back until time has come", async () => {
    const { post, reached, timers } = await start([{ kind: "delay", delayMs: 5_000 }]);
    const answer = post("tea");
    await vi.waitFor(() => expect(timers.pending).toBe(1));
    timers.advance(4_999);
    expect(reached).toEqual([]);
    timers.advance(1);
    expect((await answer).status).toBe(201);
  });

  it("cuts a reply in its middle", async () => {
    const { post } = await start([{ kind: "cut_reply", afterBytes: 4 }]);
    const response = await post("tea");
    expect(response.status).toBe(201);
    await expect(response.text()).rejects.toThrow();
  });

  it("carries WebSockets, and cuts all of them at once", async () => {
    const { proxy } = await start();
    const one = await dial(proxy);
    one.socket.send("hello");
    await vi.waitFor(() => expect(one.received).toEqual(["hello"]));
    expect(proxy.cutAll()).toBeGreaterThan(0);
    await one.closed;
    expect((await dial(proxy)).opened).toBe(true);
    expect(proxy.exchanges.map(({ transport }) => transport)).toEqual(["websocket", "websocket"]);
  });

  it("refuses, drops and cuts WebSockets", async () => {
    const schedule: Fault[] = [
      { kind: "status", status: 503 },
      { kind: "drop_request" },
      { kind: "drop_reply" },
      { kind: "cut_reply", afterBytes: 200 },
    ];
    const { proxy, reached } = await start(schedule);
    expect([(await dial(proxy)).opened, (await dial(proxy)).opened]).toEqual([false, false]);
    expect(reached).toEqual([]);
    expect((await dial(proxy)).opened).toBe(false);
    expect(reached).toEqual(["connected"]);
    const last = await dial(proxy);
    expect(last.opened).toBe(true);
    for (let index = 0; index < 20; index++) last.socket.send("x".repeat(20));
    await last.closed;
    expect(last.received.length).toBeLessThan(20);
  });

  it("forwards to another target once that is set", async () => {
    const { proxy, post } = await start([]);
    const other = await startTarget();
    proxy.retarget(other.url);
    await post("moved");
    expect(other.reached).toEqual(["POST /a?b=1 moved"]);
    proxy.reschedule(({ method }) => (method === "POST" ? { kind: "status", status: 500 } : { kind: "pass" }));
    expect((await post("x")).status).toBe(500);
  });

  it("says that the target is away by resetting the connection", async () => {
    const { proxy, post } = await start([]);
    proxy.retarget("http://127.0.0.1:1");
    await expect(post("x")).rejects.toThrow();
  });
});
