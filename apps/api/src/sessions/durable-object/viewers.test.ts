/** Viewers on real sockets: events, evictions, and viewers that stop reading. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { SessionId } from "@samovar/base";
import { idSource, systemClock, systemRandom } from "@samovar/base";
import type { DeliveredMessage, ViewerEvent, ViewerFrame, WorkspaceClaims } from "@samovar/contracts";
import { LIMITS, VIEWER_CLOSE, viewerEvent } from "@samovar/contracts";
import {
  applyEvent,
  emptyTranscript,
  isTranscriptEvent,
  prependPage,
  reachesStart,
  subscription,
} from "@samovar/domain/transcript";
import type { Transcript } from "@samovar/domain/transcript";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Env } from "../../env.ts";
import type { Access } from "../../http/context.ts";
import { ACCESS_HEADER } from "./rpc.ts";
import { VIEWER_LIMITS } from "./viewers.ts";

type Stub = ReturnType<Env["PROJECT_DATA"]["getByName"]>;
const ids = idSource(systemClock, systemRandom);

afterEach(() => {
  vi.restoreAllMocks();
});

async function project() {
  const projectId = ids.make("prj");
  const stub = env.PROJECT_DATA.getByName(projectId);
  const sessionId = ids.make("ses");
  await stub.createSession({ projectId, sessionId, taskId: null, firstMessage: null });
  const claims: WorkspaceClaims = {
    workspace: ids.make("wsp"),
    project: projectId,
    session: sessionId,
    node: ids.make("nod"),
    epoch: 1,
  };
  return { projectId, stub, sessionId, claims };
}

const row = (sessionId: SessionId, fields: Partial<DeliveredMessage> = {}): DeliveredMessage => ({
  messageId: ids.messageId(),
  sessionId,
  seq: 1,
  role: "assistant",
  kind: "text",
  revision: 1,
  body: { mode: "append", offset: 0, text: "Hello" },
  toolMetadata: null,
  final: false,
  interrupted: false,
  truncated: null,
  timestamp: new Date().toISOString(),
  ...fields,
});

/** One end of a viewer's socket. */
async function dial(stub: Stub, access: Access = { id: ids.make("tok"), expiresAt: null }) {
  const headers = { upgrade: "websocket", [ACCESS_HEADER]: JSON.stringify(access) };
  const answer = await stub.fetch("https://project-data/viewers", { headers });
  expect(answer.status).toBe(101);
  const socket = answer.webSocket;
  if (socket === null) throw new Error("no socket");
  const events: ViewerEvent[] = [];
  const closed: number[] = [];
  socket.addEventListener("message", ({ data }) => void events.push(viewerEvent.parse(JSON.parse(String(data)))));
  socket.addEventListener("close", ({ code }) => void closed.push(code));
  socket.accept();
  return {
    events,
    closed,
    socket,
    say: (frame: ViewerFrame) => socket.send(JSON.stringify(frame)),
    has: (type: ViewerEvent["type"], count = 1) =>
      vi.waitFor(() => expect(events.filter((event) => event.type === type)).toHaveLength(count)),
  };
}

async function watch(stub: Stub, sessionId: SessionId, afterVersion = 0) {
  const viewer = await dial(stub);
  viewer.say({ type: "subscribe", sessionId, afterVersion });
  await viewer.has("sync");
  return viewer;
}

/** The transcript core over everything that a viewer received; fails on a gap. */
function seen(sessionId: SessionId, events: readonly ViewerEvent[], from?: Transcript): Transcript {
  return events.filter(isTranscriptEvent).reduce(
    (transcript, event) => {
      const applied = applyEvent(transcript, event);
      expect(applied.outcome).toBe("applied");
      return applied.transcript;
    },
    from ?? emptyTranscript(sessionId),
  );
}

describe("a viewer", () => {
  test("[R27] gets what is there, then each change as it is stored", async () => {
    const { stub, sessionId, claims } = await project();
    const first = row(sessionId);
    await stub.deliver(claims, [first]);
    const viewer = await watch(stub, sessionId);
    await stub.deliver(claims, [
      { ...first, revision: 2, body: { mode: "append", offset: 5, text: " there" } },
      row(sessionId),
    ]);
    await stub.deliver(claims, [{ ...first, revision: 3, body: { mode: "replace", content: "Bye" }, final: true }]);
    await viewer.has("message.updated", 2);
    expect(
      viewer.events
        .filter(isTranscriptEvent)
        .map((event) => (event.type === "message.updated" ? event.change.mode : event.type)),
    ).toEqual(["sync", "delta", "message.new", "whole"]);
    const stored = await stub.listMessages(sessionId, { limit: 9 });
    expect(seen(sessionId, viewer.events)).toMatchObject({ version: 4, messages: stored?.messages });
  });

  test("[R27] a duplicate, a conflict and a rejected row are no event", async () => {
    const { stub, sessionId, claims } = await project();
    const first = row(sessionId);
    const viewer = await watch(stub, sessionId);
    await stub.deliver(claims, [first, first, { ...first, body: { mode: "replace", content: "other" } }, null]);
    await stub.deliver(claims, [row(sessionId)]);
    await viewer.has("message.new", 2);
    expect(viewer.events.filter(({ type }) => type === "message.updated")).toEqual([]);
    expect(seen(sessionId, viewer.events).version).toBe(2);
  });

  test("receives messages of the sessions it follows, and events of all sessions of the project", async () => {
    const { stub, sessionId, claims, projectId } = await project();
    const other = ids.make("ses");
    const viewer = await watch(stub, sessionId);
    await stub.createSession({ projectId, sessionId: other, taskId: null, firstMessage: null });
    await stub.deliver({ ...claims, session: other }, [row(other)]);
    await stub.endSession(other, "stopped");
    await viewer.has("session.stopped");
    expect(viewer.events.map(({ type }) => type)).toEqual([
      "sync",
      "session.created",
      "session.updated",
      "session.stopped",
    ]);
    viewer.say({ type: "unsubscribe", sessionId });
    viewer.say({ type: "subscribe", sessionId: other, afterVersion: 1 });
    await viewer.has("sync", 2);
    await stub.deliver(claims, [row(sessionId)]);
    await viewer.has("session.updated", 2);
    expect(viewer.events.filter(({ type }) => type === "message.new")).toEqual([]);
  });

  test("receives an error for what it cannot have, and stays connected", async () => {
    const { stub, sessionId } = await project();
    const viewer = await dial(stub);
    viewer.say({ type: "subscribe", sessionId: ids.make("ses"), afterVersion: 0 });
    viewer.socket.send("{");
    viewer.socket.send('{"type":"dance"}');
    // Too deep, though its frame would be a good one [security 16].
    viewer.socket.send(`{"type":"ping","more":${"[".repeat(64)}${"]".repeat(64)}}`);
    await viewer.has("error", 4);
    expect(viewer.events).toMatchObject([
      { code: "not_found" },
      { code: "invalid_request" },
      { code: "invalid_request" },
      { code: "invalid_request" },
    ]);
    viewer.say({ type: "ping" });
    viewer.socket.send('{ "type": "ping" }');
    await viewer.has("pong", 2);
    viewer.say({ type: "subscribe", sessionId, afterVersion: 0 });
    await viewer.has("sync");
  });

  test("a frame that is too long, or no text, closes the socket", async () => {
    const { stub } = await project();
    for (const frame of ["x".repeat(VIEWER_LIMITS.frameChars + 1), new Uint8Array(3)]) {
      const viewer = await dial(stub);
      viewer.socket.send(frame);
      await vi.waitFor(() => expect(viewer.closed).toEqual([VIEWER_CLOSE.tooBig]));
    }
  });

  test("follows a bounded number of sessions", async () => {
    const { stub, projectId } = await project();
    const viewer = await dial(stub);
    for (let i = 0; i <= VIEWER_LIMITS.subscriptions; i++) {
      const sessionId = ids.make("ses");
      await stub.createSession({ projectId, sessionId, taskId: null, firstMessage: null });
      viewer.say({ type: "subscribe", sessionId, afterVersion: 0 });
    }
    await viewer.has("error");
    await viewer.has("sync", VIEWER_LIMITS.subscriptions);
    expect(viewer.events.find(({ type }) => type === "error")).toMatchObject({ code: "rate_limited" });
  });

  test("a request without an upgrade is refused", async () => {
    const { stub } = await project();
    expect((await stub.fetch("https://project-data/viewers")).status).toBe(426);
  });
});

describe("the end of an access", () => {
  const closesWith = async (viewer: Awaited<ReturnType<typeof dial>>, code: number) =>
    vi.waitFor(() => expect(viewer.closed).toEqual([code]));

  test.each([
    ["signed_out", VIEWER_CLOSE.signedOut],
    ["token_revoked", VIEWER_CLOSE.tokenRevoked],
    ["access_lost", VIEWER_CLOSE.accessLost],
  ] as const)("[security 12] closes its sockets, and no others, when it is %s", async (end, code) => {
    const { stub, sessionId, claims } = await project();
    const access = { id: ids.make("tok"), expiresAt: null };
    const [gone, goneToo, other] = [await dial(stub, access), await dial(stub, access), await watch(stub, sessionId)];
    await evictDurableObject(stub);
    await stub.closeViewers(access.id, end);
    gone.say({ type: "subscribe", sessionId, afterVersion: 0 });
    await stub.deliver(claims, [row(sessionId)]);
    await other.has("message.new");
    await closesWith(gone, code);
    await closesWith(goneToo, code);
    expect([...gone.events, ...goneToo.events]).toEqual([]);
    expect(other.closed).toEqual([]);
  });

  test("[security 12] by expiry closes the socket without any message, also after hibernation", async () => {
    const { stub } = await project();
    const expiresAt = Date.now() + 3_600_000;
    const viewer = await dial(stub, { id: ids.make("sgn"), expiresAt });
    const later = await dial(stub, { id: ids.make("sgn"), expiresAt: expiresAt + 1_000 });
    await evictDurableObject(stub);
    vi.spyOn(Date, "now").mockReturnValue(expiresAt);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    await closesWith(viewer, VIEWER_CLOSE.expired);
    expect(later.closed).toEqual([]);
    vi.mocked(Date.now).mockReturnValue(expiresAt + 1_000);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    await closesWith(later, VIEWER_CLOSE.expired);
    expect(await runDurableObjectAlarm(stub)).toBe(false);
  });

  test("[security 12] an event after the expiry is not sent, even if the alarm is late", async () => {
    const { stub, sessionId, claims } = await project();
    const expiresAt = Date.now() + 3_600_000;
    const viewer = await dial(stub, { id: ids.make("tok"), expiresAt });
    viewer.say({ type: "subscribe", sessionId, afterVersion: 0 });
    await viewer.has("sync");
    vi.spyOn(Date, "now").mockReturnValue(expiresAt);
    await stub.deliver(claims, [row(sessionId)]);
    viewer.say({ type: "subscribe", sessionId, afterVersion: 0 });
    await closesWith(viewer, VIEWER_CLOSE.expired);
    expect(viewer.events.map(({ type }) => type)).toEqual(["sync"]);
  });

  test("a socket without an access is refused", async () => {
    const { stub } = await project();
    for (const access of [null, "nonsense", '{"id":"usr_1","expiresAt":null}']) {
      const headers = { upgrade: "websocket", ...(access === null ? {} : { [ACCESS_HEADER]: access }) };
      expect((await stub.fetch("https://project-data/viewers", { headers })).status).toBe(400);
    }
  });
});

describe("after a break", () => {
  test("[R27] [F43] a new socket continues from the view's version: nothing missing, nothing twice", async () => {
    const { stub, sessionId, claims } = await project();
    const growing = row(sessionId);
    await stub.deliver(claims, [growing, row(sessionId)]);
    const before = await watch(stub, sessionId);
    const view = seen(sessionId, before.events);
    before.socket.close();
    await stub.deliver(claims, [
      { ...growing, revision: 2, body: { mode: "append", offset: 5, text: "!" } },
      row(sessionId),
    ]);
    const after = await watch(stub, sessionId, subscription(view).afterVersion);
    expect(after.events[0]).toMatchObject({
      type: "sync",
      version: 4,
      more: false,
      messages: [{ position: 0, content: "Hello!" }, { position: 2 }],
    });
    const stored = await stub.listMessages(sessionId, { limit: 9 });
    expect(seen(sessionId, after.events, view).messages).toEqual(stored?.messages);
  });

  test("[F9] [F11] an evicted object still knows its sockets and what they follow", async () => {
    const { stub, sessionId, claims } = await project();
    const viewer = await watch(stub, sessionId);
    for (let round = 1; round <= 3; round++) {
      await evictDurableObject(stub);
      await stub.deliver(claims, [row(sessionId)]);
      await viewer.has("message.new", round);
    }
    expect(viewer.events.filter(({ type }) => type === "sync")).toHaveLength(1);
    expect(seen(sessionId, viewer.events)).toMatchObject({ version: 3, messages: [{}, {}, {}] });
  });

  test("a viewer with an unknown version starts over", async () => {
    const { stub, sessionId, claims } = await project();
    await stub.deliver(claims, [row(sessionId)]);
    const viewer = await watch(stub, sessionId, 99);
    expect(viewer.events[0]).toMatchObject({ type: "sync", version: 1, restart: true, messages: [{ position: 0 }] });
  });
});

describe("a tail", () => {
  test("[R26] [R27] a viewer that wants the newest first gets them, joins older pages, and misses nothing live", async () => {
    const { stub, sessionId, claims } = await project();
    await stub.deliver(
      claims,
      Array.from({ length: 9 }, (_, index) =>
        row(sessionId, { body: { mode: "replace", content: `message ${index}` } }),
      ),
    );
    const viewer = await dial(stub);
    viewer.say({ type: "subscribe", sessionId, afterVersion: 0, tail: 3 });
    await viewer.has("sync");
    expect(viewer.events[0]).toMatchObject({
      restart: true,
      version: 9,
      messages: [{ position: 6 }, {}, { position: 8 }],
    });
    await stub.deliver(claims, [row(sessionId)]);
    await viewer.has("message.new");
    const window = seen(sessionId, viewer.events);
    expect(reachesStart(window)).toBe(false);
    const older = await stub.listMessages(sessionId, { before: 6, limit: 99 });
    const whole = prependPage(window, { messages: older?.messages ?? [], version: older?.session.version ?? 0 });
    expect(whole).toMatchObject({ outcome: "applied" });
    const stored = await stub.listMessages(sessionId, { limit: 99 });
    expect(whole.transcript.messages).toEqual(stored?.messages);
  });

  test("a session no longer than the tail is sent whole, and changes since a version as usual", async () => {
    const { stub, sessionId, claims } = await project();
    await stub.deliver(claims, [row(sessionId), row(sessionId)]);
    const viewer = await dial(stub);
    viewer.say({ type: "subscribe", sessionId, afterVersion: 0, tail: 2 });
    await viewer.has("sync");
    viewer.say({ type: "subscribe", sessionId, afterVersion: 1, tail: 1 });
    await viewer.has("sync", 2);
    expect(viewer.events).toMatchObject([
      { messages: [{ position: 0 }, { position: 1 }] },
      { messages: [{ position: 1 }] },
    ]);
    for (const event of viewer.events) expect(event).not.toHaveProperty("restart");
  });
});

describe("a long transcript", () => {
  const long = "x".repeat(LIMITS.messageMaxContentBytes);
  const fill = async (stub: Stub, claims: WorkspaceClaims, count: number, content = long) => {
    for (let left = count; left > 0; left -= 10) {
      const batch = Array.from({ length: Math.min(left, 10) }, () =>
        row(claims.session, { body: { mode: "replace", content } }),
      );
      await stub.deliver(claims, batch);
    }
  };

  test("[R27] comes in bounded frames, and only the last moves the cursor", async () => {
    const { stub, sessionId, claims } = await project();
    await fill(stub, claims, 12, "y".repeat(60_000));
    const viewer = await dial(stub);
    viewer.say({ type: "subscribe", sessionId, afterVersion: 0 });
    await viewer.has("sync", 3);
    const frames = viewer.events.filter((event) => event.type === "sync");
    expect(frames.map(({ more, messages }) => [more, messages.length])).toEqual([
      [true, 4],
      [true, 4],
      [false, 4],
    ]);
    expect(seen(sessionId, viewer.events)).toMatchObject({ version: 12 });
  });

  test("[R27] [R41] a transcript too long for one answer begins with its newest part", async () => {
    const { stub, sessionId, claims } = await project();
    await fill(stub, claims, 60);
    const viewer = await dial(stub);
    viewer.say({ type: "subscribe", sessionId, afterVersion: 0 });
    await vi.waitFor(() => expect(viewer.events.at(-1)).toMatchObject({ type: "sync", more: false }));
    const view = seen(sessionId, viewer.events);
    expect(view).toMatchObject({ version: 60 });
    expect(view.messages.at(-1)?.position).toBe(59);
    expect(view.messages.length).toBeLessThan(45);
    expect(reachesStart(view)).toBe(false);
  });

  test("[F44] a viewer that neither reads nor pings is disconnected, others are not, and it resumes later", async () => {
    const { stub, sessionId, claims } = await project();
    const reader = await watch(stub, sessionId);
    const hanging = await watch(stub, sessionId);
    for (let round = 1; round <= 9; round++) {
      await fill(stub, claims, 10);
      reader.say({ type: "ping" });
      await reader.has("pong", round);
    }
    await reader.has("message.new", 90);
    expect(reader.closed).toEqual([]);
    await vi.waitFor(() => expect(hanging.closed).toEqual([VIEWER_CLOSE.tooSlow]));
    const received = hanging.events.filter(isTranscriptEvent);
    expect(JSON.stringify(received).length).toBeLessThan(VIEWER_LIMITS.unacknowledgedChars + 1024);
    const resumed = await dial(stub);
    resumed.say(subscription(seen(sessionId, received)));
    await vi.waitFor(() => expect(resumed.events.at(-1)).toMatchObject({ more: false }));
    expect(seen(sessionId, resumed.events, seen(sessionId, received))).toMatchObject({
      version: 90,
      messages: expect.objectContaining({ length: 90 }),
    });
  });
});
