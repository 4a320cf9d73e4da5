/** Following a task over a socket that is cut again and again, against a server that speaks the viewers' protocol. */
import { createServer } from "node:http";
import { systemClock, systemRandom, systemTimers } from "@samovar/base";
import type { MessageView, TaskEvent, TaskView, ViewerEvent } from "@samovar/contracts";
import { ACCESS_END_CLOSE, viewerFrame } from "@samovar/contracts";
import {
  aMessageView,
  aSessionView,
  aTaskEvent,
  aTaskView,
  type FaultProxy,
  seededRandom,
  startFaultProxy,
  testTime,
} from "@samovar/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import type { SamovarClient } from "./samovar-client.ts";
import { createClient } from "./connect.ts";
import { CliError } from "./errors.ts";
import { type Followed, followTask } from "./follow-task.ts";

const SYSTEM = { clock: systemClock, timers: systemTimers, random: systemRandom };
const session = aSessionView();
const submitted = aTaskView({ sessionId: session.id, projectId: session.projectId });

/** A session's store, and the part of the control plane that shows it. */
async function startControlPlane() {
  let task: TaskView = submitted;
  let version = 0;
  const events: TaskEvent[] = [];
  const messages: { message: MessageView; changedAt: number }[] = [];
  const viewers = new Set<WebSocket>();
  const publish = (event: ViewerEvent) => {
    for (const viewer of viewers) viewer.send(JSON.stringify(event));
  };
  const refusal = {
    error: { code: "not_found", message: "Not found, or you don't have access to it.", requestId: "r" },
  };
  const answers: Record<string, () => unknown> = {
    [`/api/projects/${task.projectId}/tasks/${task.id}`]: () => task,
    [`/api/projects/${task.projectId}/tasks/${task.id}/events`]: () => ({ items: events, nextCursor: null }),
    [`/api/projects/${task.projectId}/sessions/${session.id}`]: () => sessionNow(),
    [`/api/projects/${task.projectId}/sessions/${session.id}/messages`]: () => ({
      session: sessionNow(),
      messages: messages.map(({ message }) => message),
    }),
  };
  const sessionNow = () => ({ ...session, version, messageCount: messages.length });
  let held: { readonly path: string; readonly arrived: () => void; readonly until: Promise<void> } | null = null;
  const server = createServer(async (request, response) => {
    const path = (request.url ?? "").split("?")[0] ?? "";
    const answer = answers[path];
    const text = JSON.stringify(answer === undefined ? refusal : answer());
    if (held?.path === path) {
      const { arrived, until } = held;
      held = null;
      arrived();
      await until;
    }
    response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(text);
  });
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => {
    socket.on("error", () => {});
    socket.on("close", () => viewers.delete(socket));
    socket.on("message", (data) => {
      const frame = viewerFrame.parse(JSON.parse(String(data)));
      if (frame.type !== "subscribe") return;
      viewers.add(socket);
      const changed = messages.filter(({ changedAt }) => changedAt > frame.afterVersion).map(({ message }) => message);
      const sync: ViewerEvent = { type: "sync", sessionId: session.id, version, messages: changed, more: false };
      socket.send(JSON.stringify(sync));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    viewers,
    addMessage(content: string, published = true) {
      const message = aMessageView({ sessionId: session.id, position: messages.length, content, final: false });
      messages.push({ message, changedAt: ++version });
      if (published) publish({ type: "message.new", sessionId: session.id, version, message });
    },
    grow(text: string) {
      const last = messages.at(-1);
      if (last === undefined) return;
      const {
        messageId,
        content: { length: offset },
        interrupted,
        truncated,
        toolMetadata,
      } = last.message;
      last.message = { ...last.message, content: last.message.content + text, revision: last.message.revision + 1 };
      last.changedAt = ++version;
      const delta = {
        messageId,
        revision: last.message.revision,
        offset,
        text,
        final: false,
        interrupted,
        truncated,
        toolMetadata,
      };
      publish({ type: "message.updated", sessionId: session.id, version, change: { mode: "delta", delta } });
    },
    change(fields: Partial<TaskView>, event: Partial<TaskEvent> = {}, published = true) {
      task = { ...task, ...fields, version: task.version + 1 };
      const recorded = aTaskEvent({ kind: "status.changed", ...event, seq: events.length + 1 });
      events.push(recorded);
      if (published) publish({ type: "task.updated", task, events: [recorded] });
    },
    /** Another place in line: nothing of the task's row changes. */
    place(waiting: TaskView["waiting"]) {
      task = { ...task, waiting };
      publish({ type: "task.updated", task, events: [] });
    },
    /** Of the next answer about the task: it is as things are when it is asked for, and comes when it is let go. */
    holdTask() {
      const arrived = Promise.withResolvers<void>();
      const until = Promise.withResolvers<void>();
      held = {
        path: `/api/projects/${task.projectId}/tasks/${task.id}`,
        arrived: arrived.resolve,
        until: until.promise,
      };
      return { arrived: arrived.promise, letGo: until.resolve };
    },
    text: () => messages.map(({ message }) => message.content),
    close: () => {
      for (const viewer of sockets.clients) viewer.terminate();
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

let plane: Awaited<ReturnType<typeof startControlPlane>>;
let proxy: FaultProxy;
beforeEach(async () => {
  token = "smv_test";
  plane = await startControlPlane();
  proxy = await startFaultProxy({ target: plane.url });
});
afterEach(async () => {
  await proxy.close();
  await plane.close();
});

let token: string;
async function connect(): Promise<SamovarClient> {
  return createClient({ url: proxy.url, token }, SYSTEM);
}

function follow(signal?: AbortSignal) {
  const texts = new Map<number, string>();
  const seqs: number[] = [];
  const ups: boolean[] = [];
  const followed: Promise<Followed> = followTask({
    task: submitted,
    connect,
    clock: systemClock,
    timers: systemTimers,
    random: seededRandom(5),
    ...(signal === undefined ? {} : { signal }),
    watcher: {
      task: (_task, fresh) => void seqs.push(...fresh.map(({ seq }) => seq)),
      message(message, before) {
        expect(texts.get(message.position) ?? "").toBe(before?.content ?? "");
        texts.set(message.position, message.content);
      },
      connected: (up) => void ups.push(up),
    },
  });
  return { followed, texts: () => [...texts.values()], seqs, ups };
}

describe("following a task", () => {
  it("reports changes and growth as they arrive, and ends with the task", async () => {
    const { followed, texts, seqs } = follow();
    await vi.waitFor(() => expect(plane.viewers.size).toBe(1));
    plane.change({ status: "in_progress" });
    plane.addMessage("One");
    plane.grow(" two");
    await vi.waitFor(() => expect(texts()).toEqual(["One two"]));
    plane.change({ status: "completed", endedAt: 1 });
    expect(await followed).toMatchObject({
      ended: true,
      task: { status: "completed" },
      events: [{ seq: 1 }, { seq: 2 }],
    });
    expect(seqs).toEqual([1, 2]);
  });

  it.each(["token_revoked", "expired"] as const)(
    "[security 12] ends with a clear error when the server closes the socket because of %s",
    async (end) => {
      const { followed } = follow();
      await vi.waitFor(() => expect(plane.viewers.size).toBe(1));
      const { code, reason } = ACCESS_END_CLOSE[end];
      for (const viewer of plane.viewers) viewer.close(code, reason);
      await expect(followed).rejects.toMatchObject({
        code: "unauthenticated",
        message: `Samovar closed the connection: ${reason}. The task may still be running.`,
        hint: expect.stringContaining("samovar up"),
      });
    },
  );

  it("[security 12] goes on with the token of a Samovar that started again", async () => {
    const { followed } = follow();
    await vi.waitFor(() => expect(plane.viewers.size).toBe(1));
    token = "smv_next";
    const { code, reason } = ACCESS_END_CLOSE.token_revoked;
    for (const viewer of plane.viewers) viewer.close(code, reason);
    plane.change({ status: "completed", endedAt: 1 }, {}, false);
    expect(await followed).toMatchObject({ ended: true, task: { status: "completed" } });
  });

  it("[R27] [F43] loses and repeats nothing, wherever the connection breaks", async () => {
    const { followed, texts, seqs, ups } = follow();
    const random = seededRandom(11);
    for (let round = 0; round < 40; round++) {
      await vi.waitFor(() => expect(plane.viewers.size).toBe(1), { interval: 5 });
      for (let n = Math.floor(random.next() * 5); n >= 0; n--) {
        const pick = random.next();
        if (pick < 0.25) plane.addMessage(`m${round}`);
        else if (pick < 0.85) plane.grow(` ${n}`);
        else plane.change({ attempt: round });
      }
      if (round % 4 !== 0) continue;
      proxy.cutAll();
      await vi.waitFor(() => expect(plane.viewers.size).toBe(0), { interval: 1 });
      plane.addMessage(`while away ${round}`);
      plane.change({ attempt: round });
    }
    plane.change({ status: "failed", endedAt: 1 });
    expect(await followed).toMatchObject({ ended: true, task: { status: "failed" } });
    expect(texts()).toEqual(plane.text());
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
    expect(ups.filter((up) => !up).length).toBeGreaterThan(5);
  });

  it("[F11] notices an end that was published while it was disconnected", async () => {
    const { followed } = follow();
    await vi.waitFor(() => expect(plane.viewers.size).toBe(1));
    plane.change({ status: "cancelled", endedAt: 1 }, {}, false);
    proxy.cutAll();
    expect(await followed).toMatchObject({ ended: true, task: { status: "cancelled" } });
  });

  it("reports a refusal instead of waiting forever", async () => {
    const other = aTaskView({ sessionId: session.id, projectId: session.projectId });
    const watcher = { task: () => {}, message: () => {}, connected: () => {} };
    const followed = followTask({
      task: other,
      connect,
      clock: systemClock,
      timers: systemTimers,
      random: seededRandom(1),
      watcher,
    });
    await expect(followed).rejects.toBeInstanceOf(CliError);
  });

  it("gives up after ten minutes without an answer, with a hint", async () => {
    const time = testTime();
    let stoppedMs = 0;
    const ups: boolean[] = [];
    const followed = followTask({
      task: submitted,
      connect: async () => null,
      clock: { now: () => time.now() + stoppedMs },
      timers: time,
      random: seededRandom(1),
      watcher: { task: () => {}, message: () => {}, connected: (up) => void ups.push(up) },
    });
    let isOver = false;
    const gaveUp = expect(followed.finally(() => (isOver = true))).rejects.toMatchObject({
      message: expect.stringContaining("10 minutes"),
      hint: expect.stringContaining(submitted.id),
    });
    await vi.waitFor(() => expect(ups).toEqual([false]));
    time.advance(300_000);
    // Stopped for a day: that no answer came in that time says nothing.
    stoppedMs = 86_400_000;
    time.advance(298_999);
    await new Promise(setImmediate);
    expect(isOver).toBe(false);
    time.advance(1_001);
    await gaveUp;
  });

  it("reports each new queue position once, although the task's version stays the same", async () => {
    const waiting = (ahead: number) =>
      ({
        code: "capacity",
        message: `${ahead} before it.`,
        since: 0,
        ahead,
        taskIds: [],
      }) satisfies TaskView["waiting"];
    const reported: (number | null)[] = [];
    const followed = followTask({
      task: submitted,
      connect,
      clock: systemClock,
      timers: systemTimers,
      random: seededRandom(3),
      watcher: {
        task: ({ waiting: now }) => void reported.push(now?.ahead ?? null),
        message: () => {},
        connected: () => {},
      },
    });
    await vi.waitFor(() => expect(plane.viewers.size).toBe(1));
    for (const ahead of [2, 2, 1]) plane.place(waiting(ahead));
    await vi.waitFor(() => expect(reported).toEqual([2, 1]));
    plane.change({ status: "cancelled", endedAt: 1, waiting: null });
    await followed;
    expect(reported).toEqual([2, 1, null]);
  });

  it("prefers an update that arrived meanwhile to an older response", async () => {
    const held = plane.holdTask();
    const reported: (number | null)[] = [];
    const followed = followTask({
      task: submitted,
      connect,
      ...SYSTEM,
      watcher: {
        task: ({ waiting }) => void reported.push(waiting?.ahead ?? null),
        message: () => {},
        connected: () => {},
      },
    });
    await held.arrived;
    await vi.waitFor(() => expect(plane.viewers.size).toBe(1));
    plane.place({ code: "capacity", message: "1 before it.", since: 0, ahead: 1, taskIds: [] });
    await vi.waitFor(() => expect(reported).toEqual([1]));
    held.letGo();
    const answersAfter = () => proxy.exchanges.filter(({ path }) => path.includes("/events")).length;
    await vi.waitFor(() => expect(answersAfter()).toBe(1));
    plane.change({ status: "cancelled", endedAt: 1, waiting: null });
    await followed;
    expect(reported).toEqual([1, null]);
  });

  it("reads only the session's version when it already has the end of the transcript", async () => {
    const { followed } = follow();
    await vi.waitFor(() => expect(plane.viewers.size).toBe(1));
    await vi.waitFor(() => expect(proxy.exchanges.some(({ path }) => path.includes("/events"))).toBe(true));
    plane.change({ status: "in_progress" });
    plane.addMessage("All of it.");
    const before = proxy.exchanges.length;
    plane.change({ status: "completed", endedAt: 1 });
    await followed;
    expect(proxy.exchanges.slice(before).map(({ path }) => path.split("/").at(-2))).toEqual(["sessions"]);
  });

  it("[R27] requests missing last messages over its connection", async () => {
    const { followed, texts } = follow();
    await vi.waitFor(() => expect(plane.viewers.size).toBe(1));
    plane.addMessage("Published.");
    plane.addMessage("Not published.", false);
    plane.change({ status: "completed", endedAt: 1 });
    expect(await followed).toMatchObject({ ended: true });
    expect(texts()).toEqual(["Published.", "Not published."]);
    expect(proxy.exchanges.some(({ path }) => path.includes("/messages"))).toBe(false);
  });

  it("[R27] reads the last messages when no connection can be made", async () => {
    proxy.reschedule(({ transport }) => (transport === "websocket" ? { kind: "drop_request" } : { kind: "pass" }));
    plane.addMessage("Sent before.");
    plane.change({ status: "completed", endedAt: 1 });
    const { followed, texts } = follow();
    expect(await followed).toMatchObject({ ended: true, task: { status: "completed" } });
    expect(texts()).toEqual(["Sent before."]);
  });

  it("retries soon after a failed request", async () => {
    const { followed } = follow();
    await vi.waitFor(() => expect(plane.viewers.size).toBe(1));
    let failures = 1;
    proxy.reschedule(({ path }) =>
      path.endsWith(session.id) && failures-- > 0 ? { kind: "status", status: 503 } : { kind: "pass" },
    );
    plane.change({ status: "completed", endedAt: 1 });
    expect(await followed).toMatchObject({ ended: true });
    expect(failures).toBeLessThan(0);
  });

  it("reports nothing of earlier attempts", async () => {
    plane.change({ attempt: 1 });
    plane.change({ attempt: 2 });
    const seqs: number[] = [];
    const followed = followTask({
      task: { ...submitted, version: 3 },
      known: [aTaskEvent({ seq: 1 }), aTaskEvent({ seq: 2 })],
      connect,
      clock: systemClock,
      timers: systemTimers,
      random: seededRandom(4),
      watcher: {
        task: (_task, fresh) => void seqs.push(...fresh.map(({ seq }) => seq)),
        message: () => {},
        connected: () => {},
      },
    });
    await vi.waitFor(() => expect(plane.viewers.size).toBe(1));
    plane.change({ status: "failed", endedAt: 1 });
    expect((await followed).events.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(seqs).toEqual([3]);
  });

  it("detaches on request while the task goes on", async () => {
    const leaving = new AbortController();
    const { followed } = follow(leaving.signal);
    await vi.waitFor(() => expect(plane.viewers.size).toBe(1));
    leaving.abort();
    expect(await followed).toMatchObject({ ended: false, task: { status: "queued" } });
    await vi.waitFor(() => expect(plane.viewers.size).toBe(0));
  });
});
