/** Hosts that stand by, end to end: real daemons, git, session hosts and the script agent. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SESSION_MARK } from "../session-host/agent-environment.ts";
import type { TestControlPlane } from "./control-plane.testing.ts";
import { makeRepository } from "./git/repositories.testing.ts";
import { aRun, exitOf, fence, TestNode, withEarlyAgent } from "./daemon.testing.ts";

let node: TestNode;
let plane: TestControlPlane;
let origin: string;
beforeEach(async () => {
  node = await new TestNode().prepare();
  plane = node.controlPlane;
  origin = makeRepository(join(node.root, "origin"));
});
afterEach(() => node.clean());

const SHORT = fence("say", "Here is tea.") + fence("sh", `echo "mark $${SESSION_MARK} in $PWD, home $HOME"`);

/** The end of the next session, and the number of its run's workspace. */
async function runOne(prompt = SHORT) {
  const run = withEarlyAgent(aRun(node, origin, prompt));
  const ended = plane.events.filter(({ kind }) => kind === "session.ended").length;
  plane.enqueue(run.create);
  plane.enqueue(run.start);
  const event = await plane.until(() => plane.events.filter(({ kind }) => kind === "session.ended")[ended]);
  if (event.kind !== "session.ended") throw new Error("not an end");
  return { run, end: event.end };
}

const waiting = () => vi.waitFor(() => expect(node.standbyHosts()).toHaveLength(1));

test("[R25] a host is started beside the clone, and takes the session with its agent", async () => {
  node.startDaemon();
  const { run, end } = await runOne();
  expect(end).toMatchObject({ outcome: "clean", drained: true });
  expect(end.digest).toEqual(plane.digest(run.sessionId));
  expect(node.log()).toContain("host.assigned");
  expect(node.log()).not.toContain("host.started");
});

test("[R25] a node with nothing to do keeps one host and its agent for the next task, in a place of their own", async () => {
  node.startDaemon();
  const first = await runOne();
  plane.enqueue(first.run.destroy);
  await plane.event("workspace.destroyed");
  await waiting();
  const [pid] = node.standbyHosts();
  const { run, end } = await runOne();
  expect(end).toMatchObject({ outcome: "clean" });
  expect(node.log()).toContain(`"pid":${pid}`);
  expect(node.log()).not.toContain("host.started");
  const said = plane.transcript(run.sessionId).find(({ kind }) => kind === "tool")?.toolMetadata?.output ?? "";
  const [, mark = "", checkout = "", home = ""] = /mark (\S+) in (\S+), home (\S+)/.exec(said) ?? [];
  expect(mark).toMatch(/^standby-ses_/);
  expect(checkout).toBe(join(home, "../repo"));
});

test("[S1] a host that stands by holds nothing of the task before it", async () => {
  node.startDaemon();
  const canary = "canary-of-the-first-task";
  const first = await runOne(`${SHORT}${fence("say", canary)}`);
  plane.enqueue(first.run.destroy);
  await plane.event("workspace.destroyed");
  await waiting();
  for (const pid of node.standbyHosts()) {
    const environment = readFileSync(`/proc/${pid}/environ`, "latin1");
    for (const secret of [canary, first.run.sessionId, first.run.workspaceId, `ws-token-${first.run.sessionId}`])
      expect(environment).not.toContain(secret);
  }
});

test("[R21] a daemon that is killed leaves no host standing by, and the next one makes its own", async () => {
  const daemon = node.startDaemon();
  const { run } = await runOne();
  plane.enqueue(run.destroy);
  await plane.event("workspace.destroyed");
  await waiting();
  const before = node.standbyHosts();
  daemon.kill("SIGKILL");
  await exitOf(daemon);
  await vi.waitFor(() => expect(node.standbyHosts()).toEqual([]));
  node.startDaemon();
  await waiting();
  expect(node.standbyHosts()).not.toEqual(before);
  expect((await runOne()).end).toMatchObject({ outcome: "clean" });
});

test("[R5] a host that dies while it stands by is not missed: the session gets another", async () => {
  node.startDaemon();
  const { run } = await runOne();
  plane.enqueue(run.destroy);
  await plane.event("workspace.destroyed");
  await waiting();
  for (const pid of node.standbyHosts()) process.kill(pid, "SIGKILL");
  const { end } = await runOne();
  expect(end).toMatchObject({ outcome: "clean", drained: true });
});

test("a workspace that is removed before its session starts leaves no host", async () => {
  node.startDaemon();
  const run = withEarlyAgent(aRun(node, origin, SHORT));
  plane.enqueue(run.create);
  await plane.event("workspace.ready");
  plane.enqueue(run.destroy);
  await plane.event("workspace.destroyed");
  await vi.waitFor(() => expect(node.standbyHosts()).toEqual([]));
  expect(node.checkouts()).toEqual([]);
});
