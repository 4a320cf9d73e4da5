/** Starts of session hosts, agents and installations behind a start gate that the test controls, with real processes. */
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TestStartGate } from "../start-gate.testing.ts";
import type { TestControlPlane } from "./control-plane.testing.ts";
import { makeRepository } from "./git/repositories.testing.ts";
import { aRun, fence, TestNode, withEarlyAgent } from "./daemon.testing.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 30_000 });

let node: TestNode;
let plane: TestControlPlane;
let gate: TestStartGate;
beforeEach(async () => {
  node = await new TestNode().prepare();
  plane = node.controlPlane;
  gate = await new TestStartGate(join(node.root, "starts.sock")).open();
  node.env = { SAMOVAR_START_GATE: gate.path };
});
afterEach(() => {
  gate.close();
  node.clean();
});

/** Without an agent in the workspace's command, no standby host is started. */
function begin(prompt: string, change = (run: ReturnType<typeof aRun>) => run) {
  const run = change(aRun(node, makeRepository(join(node.root, "origin")), prompt));
  plane.enqueue(run.create);
  plane.enqueue(run.start);
  return run;
}
const kinds = () => plane.events.map((event) => event.kind);
const untilOneWaits = () => vi.waitFor(() => expect(gate.waiting).toBe(1));
const untilEmpty = () => vi.waitFor(() => expect([gate.waiting, gate.runWhenAdmitted]).toEqual([0, 0]));

test("queues the host, then the agent, and releases each permit once the process has started", async () => {
  node.startDaemon();
  const run = begin(fence("sh", "env"));
  await untilOneWaits();
  expect(node.hosts()).toEqual([]);
  gate.admit();
  await vi.waitFor(() => expect(node.hosts()).toHaveLength(1));
  // The host's permit has been released by then.
  await untilOneWaits();
  await vi.waitFor(() => expect(gate.runWhenAdmitted).toBe(0));
  expect(kinds()).not.toContain("session.started");
  gate.admit();
  await plane.event("session.started");
  await untilEmpty();
  expect((await plane.event("session.ended")).end).toMatchObject({ outcome: "clean" });
  // [S1] The agent does not learn the gate's path.
  const transcript = JSON.stringify(plane.transcript(run.sessionId));
  expect(transcript).toContain("SAMOVAR_SESSION=");
  expect(transcript).not.toContain("SAMOVAR_START_GATE");
});

test("reports a long wait once for the whole start, whichever process waits", async () => {
  node.startDaemon();
  begin(fence("say", "Tea."));
  await untilOneWaits();
  const delayed = await plane.event("session.start_delayed");
  expect(node.hosts()).toEqual([]);
  gate.admit();
  await untilOneWaits();
  gate.admit();
  await plane.event("session.ended");
  expect(kinds().filter((kind) => kind === "session.start_delayed")).toHaveLength(1);
  expect(delayed.n).toBeLessThan((await plane.event("session.started")).n);
});

test("reports an agent that waits long, and queues a restarted agent again", async () => {
  node.startDaemon();
  begin(fence("say", "Tea.") + fence("crash once"));
  await untilOneWaits();
  gate.admit();
  await untilOneWaits();
  await plane.event("session.start_delayed");
  gate.admit();
  await plane.event("session.started");
  await untilOneWaits();
  gate.admit();
  expect((await plane.event("session.ended")).end).toMatchObject({ outcome: "clean", restarts: 1 });
});

test("ends a session that is cancelled while its host is queued, without a host, and leaves the queue", async () => {
  node.startDaemon();
  const run = begin(fence("say", "Tea."));
  await untilOneWaits();
  plane.enqueue(run.cancel);
  expect((await plane.event("session.ended")).end).toMatchObject({ outcome: "cancelled" });
  await untilEmpty();
  expect(node.hosts()).toEqual([]);
});

test("ends a session that is cancelled while its agent is queued, without an agent, and leaves the queue", async () => {
  node.startDaemon();
  const run = begin(fence("say", "Tea."));
  await untilOneWaits();
  gate.admit();
  await untilOneWaits();
  plane.enqueue(run.cancel);
  expect((await plane.event("session.ended")).end).toMatchObject({ outcome: "cancelled" });
  await untilEmpty();
  expect(kinds()).not.toContain("session.started");
});

test("[R5] queues a killed host again, whose permit was released", async () => {
  node.startDaemon();
  begin(fence("say", "Before.") + fence("wait 60s"));
  await untilOneWaits();
  gate.admit();
  await untilOneWaits();
  gate.admit();
  await plane.event("session.started");
  await untilEmpty();
  const [host = 0] = node.hosts();
  process.kill(host, "SIGKILL");
  await untilOneWaits();
  gate.admit();
  expect((await plane.event("session.ended")).end).toMatchObject({ outcome: "crashed" });
  await untilEmpty();
});

test("[R25] queues a standby host and its agent once, and the session that comes meanwhile takes over the position", async () => {
  node.startDaemon();
  begin(fence("say", "Tea."), withEarlyAgent);
  await plane.event("session.start_delayed");
  expect([gate.waiting, gate.requests, node.standbyHosts()]).toEqual([1, 1, []]);
  gate.admit();
  expect((await plane.event("session.ended")).end).toMatchObject({ outcome: "clean" });
  expect(node.log()).toContain("host.assigned");
  expect([gate.runWhenAdmitted, gate.requests]).toEqual([0, 1]);
});

test("[R25] leaves the queue when a workspace is destroyed while its host waits", async () => {
  node.startDaemon();
  const run = begin(fence("say", "Tea."), withEarlyAgent);
  await untilOneWaits();
  plane.enqueue(run.cancel);
  expect((await plane.event("session.ended")).end).toMatchObject({ outcome: "cancelled" });
  plane.enqueue(run.destroy);
  await plane.event("workspace.destroyed");
  await untilEmpty();
  expect([node.hosts(), node.standbyHosts()]).toEqual([[], []]);
});

test("[R25] starts no standby host on an idle node while other processes are queued", async () => {
  node.startDaemon();
  const run = begin(fence("say", "Tea."), withEarlyAgent);
  await untilOneWaits();
  gate.admit();
  await plane.event("session.ended");
  plane.enqueue(run.destroy);
  await plane.event("workspace.destroyed");
  await untilOneWaits();
  await untilEmpty();
  expect(node.standbyHosts()).toEqual([]);
});

test("starts processes without a gate when the gate is gone", async () => {
  gate.close();
  node.startDaemon();
  begin(fence("say", "Tea."));
  expect((await plane.event("session.ended")).end).toMatchObject({ outcome: "clean" });
});
