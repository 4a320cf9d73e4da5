/** The project's socket against a real WebSocket server on loopback. Time is ours: nothing waits for a clock. */
import { once } from "node:events";
import type { SessionId } from "@samovar/base";
import { viewerFrame, type ViewerEvent, type ViewerFrame } from "@samovar/contracts";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { WebSocketServer, type WebSocket as Connection } from "ws";
import { make } from "../views.testing.ts";
import {
  openProjectSocket,
  pauseMs,
  SOCKET_TIMES,
  TAIL_MESSAGES,
  type ProjectSocket,
  type SocketState,
} from "./socket.ts";

interface Timer {
  readonly delayMs: number;
  readonly run: () => void;
}

let server: WebSocketServer;
let admitting: boolean;
let connections: Connection[];
let frames: ViewerFrame[];
let timers: Set<Timer>;
let states: [SocketState, boolean][];
let events: ViewerEvent[];
let versions: Map<SessionId, number>;
let socket: ProjectSocket;

beforeEach(async () => {
  admitting = true;
  server = await listen();
  timers = new Set();
  states = [];
  events = [];
  versions = new Map();
});

afterEach(async () => {
  socket.close();
  for (const connection of server.clients) connection.terminate();
  await new Promise((resolve) => server.close(resolve));
});

async function listen(): Promise<WebSocketServer> {
  connections = [];
  frames = [];
  const listening = new WebSocketServer({ host: "127.0.0.1", port: 0, verifyClient: () => admitting });
  listening.on("connection", (connection) => {
    connections.push(connection);
    connection.on("message", (data) => frames.push(viewerFrame.parse(JSON.parse(data.toString()))));
  });
  await once(listening, "listening");
  return listening;
}

function open(): void {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  socket = openProjectSocket({
    dial: () => new WebSocket(`ws://127.0.0.1:${address.port}`),
    timers: {
      after(delayMs, run) {
        const timer = { delayMs, run };
        timers.add(timer);
        return () => timers.delete(timer);
      },
    },
    random: { next: () => 1, bytes: (length) => new Uint8Array(length) },
    cursor: (sessionId) => versions.get(sessionId) ?? 0,
    onEvent: (event) => events.push(event),
    onState: (state, { refused }) => states.push([state, refused]),
  });
}

/** Lets the only pending timer come due. */
function elapse(): number {
  const [timer, ...others] = timers;
  expect(others).toEqual([]);
  if (timer === undefined) throw new Error("nothing is due");
  timers.delete(timer);
  timer.run();
  return timer.delayMs;
}

const until = (what: () => void) => vi.waitFor(what, { interval: 5 });
const isOpen = (count: number) => until(() => expect(states.filter(([state]) => state === "open")).toHaveLength(count));
const say = (event: ViewerEvent | string) =>
  connections.at(-1)?.send(typeof event === "string" ? event : JSON.stringify(event));

describe("a project's socket", () => {
  it("asks for each followed session from the version that the page has", async () => {
    const [one, two] = [make("ses"), make("ses")];
    versions.set(one, 41);
    open();
    socket.follow(one);
    await isOpen(1);
    socket.follow(two);
    await until(() =>
      expect(frames).toEqual([
        { type: "subscribe", sessionId: one, afterVersion: 41 },
        { type: "subscribe", sessionId: two, afterVersion: 0, tail: TAIL_MESSAGES },
      ]),
    );
  });

  it("[F43] resumes from where the page stands after a cut", async () => {
    const session = make("ses");
    open();
    socket.follow(session);
    await isOpen(1);
    versions.set(session, 7);
    connections[0]?.terminate();
    await until(() => expect(states.at(-1)).toEqual(["waiting", false]));
    elapse();
    await isOpen(2);
    await until(() => expect(frames.at(-1)).toEqual({ type: "subscribe", sessionId: session, afterVersion: 7 }));
  });

  it("dials for ever, with pauses that grow to a limit, and tells that it was refused", async () => {
    admitting = false;
    open();
    const pauses: number[] = [];
    for (let failure = 1; failure <= 8; failure++) {
      await until(() => expect(states.filter(([state]) => state === "waiting")).toHaveLength(failure));
      expect(states.at(-1)).toEqual(["waiting", true]);
      pauses.push(elapse());
    }
    expect(pauses).toEqual([300, 600, 1200, 2400, 4800, 9600, 15000, 15000]);
    await until(() => expect(states.at(-1)).toEqual(["waiting", true]));
    admitting = true;
    elapse();
    await isOpen(1);
  });

  it("begins again with short pauses once it was answered", async () => {
    open();
    for (let cut = 1; cut <= 3; cut++) {
      await isOpen(cut);
      say({ type: "pong" });
      await until(() => expect(events).toHaveLength(cut));
      connections.at(-1)?.terminate();
      await until(() => expect(states.at(-1)?.[0]).toBe("waiting"));
      expect(elapse()).toBe(SOCKET_TIMES.firstPauseMs);
    }
    await isOpen(4);
  });

  it("pings, and takes silence for a broken connection", async () => {
    open();
    await isOpen(1);
    expect(elapse()).toBe(SOCKET_TIMES.pingMs);
    await until(() => expect(frames).toEqual([{ type: "ping" }]));
    say({ type: "pong" });
    await until(() => expect(events).toHaveLength(1));
    expect(elapse()).toBe(SOCKET_TIMES.pongMs);
    expect(elapse()).toBe(SOCKET_TIMES.pingMs - SOCKET_TIMES.pongMs);
    expect(elapse()).toBe(SOCKET_TIMES.pongMs);
    expect(states.at(-1)).toEqual(["waiting", false]);
  });

  it("pings in a steady beat, whatever it hears", async () => {
    open();
    await isOpen(1);
    let passed = 0;
    const pingedAt: number[] = [];
    for (let heard = 1; passed < 4 * SOCKET_TIMES.pingMs; heard++) {
      say({ type: "pong" });
      await until(() => expect(events).toHaveLength(heard));
      passed += elapse();
      if (passed % SOCKET_TIMES.pingMs !== 0) continue;
      pingedAt.push(passed);
      await until(() => expect(frames).toHaveLength(pingedAt.length));
    }
    expect(pingedAt).toEqual([1, 2, 3, 4].map((beat) => beat * SOCKET_TIMES.pingMs));
    expect(connections).toHaveLength(1);
  });

  it("asks for what was missed once, until it is answered", async () => {
    const session = make("ses");
    open();
    socket.follow(session);
    await isOpen(1);
    socket.resync(session);
    say({ type: "sync", sessionId: session, version: 3, messages: [], more: true });
    say({ type: "sync", sessionId: session, version: 3, messages: [], more: false });
    await until(() => expect(events).toHaveLength(2));
    versions.set(session, 3);
    socket.resync(session);
    socket.resync(session);
    socket.resync(make("ses"));
    socket.unfollow(session);
    await until(() => expect(frames.at(-1)).toEqual({ type: "unsubscribe", sessionId: session }));
    expect(frames.filter((frame) => frame.type === "subscribe")).toEqual([
      { type: "subscribe", sessionId: session, afterVersion: 0, tail: TAIL_MESSAGES },
      { type: "subscribe", sessionId: session, afterVersion: 3 },
    ]);
  });

  it("passes over what it does not understand", async () => {
    open();
    await isOpen(1);
    say("not json");
    say(JSON.stringify({ type: "something.new" }));
    say(JSON.stringify({ type: "pong", more: "fields" }));
    await until(() => expect(events).toEqual([{ type: "pong" }]));
  });

  it("dials at once when nudged, and not twice", async () => {
    open();
    await isOpen(1);
    socket.nudge();
    connections[0]?.terminate();
    await until(() => expect(states.at(-1)?.[0]).toBe("waiting"));
    socket.nudge();
    socket.nudge();
    await isOpen(2);
    expect(connections).toHaveLength(2);
  });

  it("says and does nothing after it is closed", async () => {
    open();
    await isOpen(1);
    const closed = once(connections[0] ?? server, "close");
    socket.close();
    await closed;
    expect(states.at(-1)).toEqual(["closed", false]);
    expect([...timers]).toEqual([]);
  });
});

const drawn = (next: number) => pauseMs(3, { next: () => next, bytes: (length) => new Uint8Array(length) });

it("spreads returning pages over half of a pause", () => {
  expect([drawn(0), drawn(0.5), drawn(1)]).toEqual([1200, 1800, 2400]);
});
