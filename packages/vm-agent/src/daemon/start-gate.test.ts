/** Starts of session hosts, agents and installations on a machine that admits only some: real processes, a gate of the test's. */
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

/** Without an agent in its workspace's command, nothing stands by. */
function begin(prompt: string, change = (run: ReturnType<typeof aRun>) => run) {
  const run = change(aRun(node, makeRepository(join(node.root, "origin")), prompt));
  plane.enqueue(run.create);
  plane.enqueue(run.start);
  return run;
}
const kinds = () => plane.events.map((event) => event.kind);
const someoneWaits = () => vi.waitFor(() => expect(gate.waiting).toBe(1));
const isOver = () => vi.waitFor(() => expect([gate.waiting, gate.admitted]).toEqual([0, 0]));

test("the host waits for its turn, then the agent for its own; each gives it back when it has started", async () => {
  node.startDaemon();
  const run = begin(fence("sh", "env"));
  await someoneWaits();
  expect(node.hosts()).toEqual([]);
  gate.admit();
  await vi.waitFor(() => expect(node.hosts()).toHaveLength(1));
  // The host's own permit has come back by then.
  await someoneWaits();
  await vi.waitFor(() => expect(gate.admitted).toBe(0));
  expect(kinds()).not.toContain("session.started");
  gate.admit();
  await plane.event("session.started");
  await isOver();
  expect((await plane.event("session.ended")).end).toMatchObject({ outcome: "clean" });
  // [S1] The agent is not told where the gate is.
  const said = JSON.stringify(plane.transcript(run.sessionId));
  expect(said).toContain("SAMOVAR_SESSION=");
  expect(said).not.toContain("SAMOVAR_START_GATE");
});

test("a long wait is reported once for the whole start, by whichever process waits", async () => {
  node.startDaemon();
  begin(fence("say", "Tea."));
  await someoneWaits();
  const delayed = await plane.event("session.start_delayed");
  expect(node.hosts()).toEqual([]);
  gate.admit();
  await someoneWaits();
  gate.admit();
  await plane.event("session.ended");
  expect(kinds().filter((kind) => kind === "session.start_delayed")).toHaveLength(1);
  expect(delayed.n).toBeLessThan((await plane.event("session.started")).n);
});

test("an agent that waits long is reported too; one that is started once more waits again", async () => {
  node.startDaemon();
  begin(fence("say", "Tea.") + fence("crash once"));
  await someoneWaits();
  gate.admit();
  await someoneWaits();
  await plane.event("session.start_delayed");
  gate.admit();
  await plane.event("session.started");
  await someoneWaits();
  gate.admit();
  expect((await plane.event("session.ended")).end).toMatchObject({ outcome: "clean", restarts: 1 });
});

test("a cancel while the host waits ends the session without a host, and leaves the queue", async () => {
  node.startDaemon();
  const run = begin(fence("say", "Tea."));
  await someoneWaits();
  plane.enqueue(run.cancel);
  expect((await plane.event("session.ended")).end).toMatchObject({ outcome: "cancelled" });
  await isOver();
  expect(node.hosts()).toEqual([]);
});

test("a cancel while the agent waits ends the session without an agent, and leaves the queue", async () => {
  node.startDaemon();
  const run = begin(fence("say", "Tea."));
  await someoneWaits();
  gate.admit();
  await someoneWaits();
  plane.enqueue(run.cancel);
  expect((await plane.event("session.ended")).end).toMatchObject({ outcome: "cancelled" });
  await isOver();
  expect(kinds()).not.toContain("session.started");
});

test("[R5] a host that is killed is started again in its turn; its permit has come back", async () => {
  node.startDaemon();
  begin(fence("say", "Before.") + fence("wait 60s"));
  await someoneWaits();
  gate.admit();
  await someoneWaits();
  gate.admit();
  await plane.event("session.started");
  await isOver();
  const [host = 0] = node.hosts();
  process.kill(host, "SIGKILL");
  await someoneWaits();
  gate.admit();
  expect((await plane.event("session.ended")).end).toMatchObject({ outcome: "crashed" });
  await isOver();
});

test("[R25] a host that stands by waits once, with its agent; the session that comes meanwhile takes over its turn", async () => {
  node.startDaemon();
  begin(fence("say", "Tea."), withEarlyAgent);
  await plane.event("session.start_delayed");
  expect([gate.waiting, gate.asked, node.standbyHosts()]).toEqual([1, 1, []]);
  gate.admit();
  expect((await plane.event("session.ended")).end).toMatchObject({ outcome: "clean" });
  expect(node.log()).toContain("host.assigned");
  expect([gate.admitted, gate.asked]).toEqual([0, 1]);
});

test("[R25] a workspace that goes while its host waits leaves the queue", async () => {
  node.startDaemon();
  const run = begin(fence("say", "Tea."), withEarlyAgent);
  await someoneWaits();
  plane.enqueue(run.cancel);
  expect((await plane.event("session.ended")).end).toMatchObject({ outcome: "cancelled" });
  plane.enqueue(run.destroy);
  await plane.event("workspace.destroyed");
  await isOver();
  expect([node.hosts(), node.standbyHosts()]).toEqual([[], []]);
});

test("[R25] a node with nothing to do starts no host for the next task while others wait for their turn", async () => {
  node.startDaemon();
  const run = begin(fence("say", "Tea."), withEarlyAgent);
  await someoneWaits();
  gate.admit();
  await plane.event("session.ended");
  plane.enqueue(run.destroy);
  await plane.event("workspace.destroyed");
  await someoneWaits();
  await isOver();
  expect(node.standbyHosts()).toEqual([]);
});

test("where the gate is gone, starts go ahead", async () => {
  gate.close();
  node.startDaemon();
  begin(fence("say", "Tea."));
  expect((await plane.event("session.ended")).end).toMatchObject({ outcome: "clean" });
});
