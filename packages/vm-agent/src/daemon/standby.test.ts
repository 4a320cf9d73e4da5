/** Standby hosts end to end: real daemons, git, session hosts and the script agent. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SESSION_MARK } from "../session-host/agent-environment.ts";
import type { TestControlPlane } from "./control-plane.testing.ts";
import { makeRepository } from "./git/repositories.testing.ts";
import { aRun, waitForExit, fence, TestNode, withEarlyAgent } from "./daemon.testing.ts";

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

/** Runs one task to its end. */
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

test("[R25] starts a host during the clone, which takes over the session with its agent", async () => {
  node.startDaemon();
  const { run, end } = await runOne();
  expect(end).toMatchObject({ outcome: "clean", drained: true });
  expect(end.digest).toEqual(plane.digest(run.sessionId));
  expect(node.log()).toContain("host.assigned");
  expect(node.log()).not.toContain("host.started");
});

test("[R25] keeps one host and its agent for the next task on an idle node, in a separate directory", async () => {
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
  const output = plane.transcript(run.sessionId).find(({ kind }) => kind === "tool")?.toolMetadata?.output ?? "";
  const [, mark = "", checkout = "", home = ""] = /mark (\S+) in (\S+), home (\S+)/.exec(output) ?? [];
  expect(mark).toMatch(/^standby-ses_/);
  expect(checkout).toBe(join(home, "../repo"));
});

test("[S1] keeps nothing of the previous task in a standby host", async () => {
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

test("[R21] ends the standby host of a killed daemon, and the next daemon starts another", async () => {
  const daemon = node.startDaemon();
  const { run } = await runOne();
  plane.enqueue(run.destroy);
  await plane.event("workspace.destroyed");
  await waiting();
  const before = node.standbyHosts();
  daemon.kill("SIGKILL");
  await waitForExit(daemon);
  await vi.waitFor(() => expect(node.standbyHosts()).toEqual([]));
  node.startDaemon();
  await waiting();
  expect(node.standbyHosts()).not.toEqual(before);
  expect((await runOne()).end).toMatchObject({ outcome: "clean" });
});

test("[R5] replaces a standby host that dies before its session", async () => {
  node.startDaemon();
  const { run } = await runOne();
  plane.enqueue(run.destroy);
  await plane.event("workspace.destroyed");
  await waiting();
  for (const pid of node.standbyHosts()) process.kill(pid, "SIGKILL");
  const { end } = await runOne();
  expect(end).toMatchObject({ outcome: "clean", drained: true });
});

test("leaves no host when a workspace is destroyed before its session starts", async () => {
  node.startDaemon();
  const run = withEarlyAgent(aRun(node, origin, SHORT));
  plane.enqueue(run.create);
  await plane.event("workspace.ready");
  plane.enqueue(run.destroy);
  await plane.event("workspace.destroyed");
  await vi.waitFor(() => expect(node.standbyHosts()).toEqual([]));
  expect(node.checkouts()).toEqual([]);
});
