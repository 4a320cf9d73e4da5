/** The project's socket against a real WebSocket server on loopback. Time is ours: nothing waits for a clock. */
import { once } from "node:events";
import { idSource, type SessionId, systemClock, systemRandom } from "@samovar/base";
import { ACCESS_END_CLOSE, type AccessEnd, viewerFrame, type ViewerEvent, type ViewerFrame } from "@samovar/contracts";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { WebSocket, WebSocketServer, type WebSocket as Connection } from "ws";
import { openProjectSocket, PING_MS, PONG_MS, type ProjectSocket, type SocketState } from "./project-socket.ts";

interface Timer {
  readonly delayMs: number;
  readonly run: () => void;
}

const { make } = idSource(systemClock, systemRandom);
const PAUSES = { initialMs: 300, maxMs: 15_000 };
const TAIL_MESSAGES = 100;

let server: WebSocketServer;
let hasServer: boolean;
let jitter: number;
let admitting: boolean;
let connections: Connection[];
let frames: ViewerFrame[];
let timers: Set<Timer>;
let states: [SocketState, boolean][];
let ends: AccessEnd[];
let isStillAllowed: boolean;
let events: ViewerEvent[];
let versions: Map<SessionId, number>;
let socket: ProjectSocket;

beforeEach(async () => {
  [admitting, hasServer, jitter] = [true, true, 1];
  server = await listen();
  timers = new Set();
  states = [];
  ends = [];
  isStillAllowed = false;
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

function connect(port: number): WebSocket {
  const opening = new WebSocket(`ws://127.0.0.1:${port}`);
  // `close` follows.
  opening.on("error", () => {});
  return opening;
}

function open(): void {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  socket = openProjectSocket({
    dial: () => (hasServer ? connect(address.port) : null),
    dialTimeoutMs: 20_000,
    pauses: PAUSES,
    tailMessages: TAIL_MESSAGES,
    timers: {
      after(delayMs, run) {
        const timer = { delayMs, run };
        timers.add(timer);
        return () => timers.delete(timer);
      },
    },
    random: { next: () => jitter, bytes: (length) => new Uint8Array(length) },
    cursor: (sessionId) => versions.get(sessionId) ?? 0,
    onEvent: (event) => events.push(event),
    onState: (state, { refused }) => states.push([state, refused]),
    onAccessEnded: async (end) => {
      ends.push(end);
      return isStillAllowed;
    },
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

  it("reconnects without end, with pauses that grow to a limit, and reports that it was refused", async () => {
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
      expect(elapse()).toBe(PAUSES.initialMs);
    }
    await isOpen(4);
  });

  it("pings, and takes silence for a broken connection", async () => {
    open();
    await isOpen(1);
    expect(elapse()).toBe(PING_MS);
    await until(() => expect(frames).toEqual([{ type: "ping" }]));
    say({ type: "pong" });
    await until(() => expect(events).toHaveLength(1));
    expect(elapse()).toBe(PONG_MS);
    expect(elapse()).toBe(PING_MS - PONG_MS);
    expect(elapse()).toBe(PONG_MS);
    expect(states.at(-1)).toEqual(["waiting", false]);
  });

  it("pings in a steady beat, whatever it hears", async () => {
    open();
    await isOpen(1);
    let passed = 0;
    const pingedAt: number[] = [];
    for (let received = 1; passed < 4 * PING_MS; received++) {
      say({ type: "pong" });
      await until(() => expect(events).toHaveLength(received));
      passed += elapse();
      if (passed % PING_MS !== 0) continue;
      pingedAt.push(passed);
      await until(() => expect(frames).toHaveLength(pingedAt.length));
    }
    expect(pingedAt).toEqual([1, 2, 3, 4].map((beat) => beat * PING_MS));
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

  it("dials at once when woken, and not twice", async () => {
    open();
    await isOpen(1);
    socket.wake();
    connections[0]?.terminate();
    await until(() => expect(states.at(-1)?.[0]).toBe("waiting"));
    socket.wake();
    socket.wake();
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

  it("waits as after a refusal while there is nothing to connect to", async () => {
    hasServer = false;
    open();
    expect(states).toEqual([
      ["connecting", false],
      ["waiting", true],
    ]);
    hasServer = true;
    expect(elapse()).toBe(PAUSES.initialMs);
    await isOpen(1);
  });

  it("gives up a connection that does not open in time", async () => {
    open();
    expect(elapse()).toBe(20_000);
    expect(states.at(-1)).toEqual(["waiting", true]);
    elapse();
    await isOpen(1);
  });

  it("spreads returning viewers over half of a pause", async () => {
    jitter = 0.5;
    hasServer = false;
    open();
    expect([elapse(), elapse()]).toEqual([225, 450]);
  });

  it("knows whether the answer to a question is on its way", async () => {
    const session = make("ses");
    open();
    socket.follow(session);
    expect(socket.isAsking(session)).toBe(false);
    await isOpen(1);
    expect(socket.isAsking(session)).toBe(true);
    say({ type: "sync", sessionId: session, version: 3, messages: [], more: false });
    await until(() => expect(socket.isAsking(session)).toBe(false));
    socket.resync(session);
    expect(socket.isAsking(session)).toBe(true);
    connections[0]?.terminate();
    await until(() => expect(socket.isAsking(session)).toBe(false));
  });
});

describe("the end of an access", () => {
  const end = async (why: AccessEnd) => {
    open();
    await isOpen(1);
    const { code, reason } = ACCESS_END_CLOSE[why];
    connections.at(-1)?.close(code, reason);
    await until(() => expect(ends).toEqual([why]));
  };

  it.each(["signed_out", "token_revoked", "expired", "access_lost"] as const)(
    "[security 12] %s: the socket does not dial again",
    async (why) => {
      await end(why);
      await until(() => expect(states.at(-1)).toEqual(["closed", false]));
      expect(timers.size).toBe(0);
      socket.wake();
      expect(connections).toHaveLength(1);
    },
  );

  it("[security 12] dials again after a pause if the user has another access", async () => {
    isStillAllowed = true;
    await end("expired");
    await until(() => expect(states.at(-1)).toEqual(["waiting", false]));
    elapse();
    await isOpen(2);
  });
});
