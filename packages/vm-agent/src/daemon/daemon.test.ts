/** The daemon end to end: real processes, git and sockets, the real session host and script agent. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LINK_CLOSE } from "@samovar/contracts";
import { runGit, makeRepository } from "./git/repositories.testing.ts";
import type { TestControlPlane } from "./control-plane.testing.ts";
import { aRun, waitForExit, fence, TestNode } from "./daemon.testing.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 30_000 });
const POLLING = { interval: 20 };

let node: TestNode;
let plane: TestControlPlane;
let origin: string;
beforeEach(async () => {
  node = await new TestNode().prepare();
  plane = node.controlPlane;
  origin = makeRepository(join(node.root, "origin"));
});
afterEach(() => node.clean());

const SHORT = fence("say", "Here is tea.") + fence("write tea.txt", "green");
/** Streams long enough for a test to interrupt it. */
const LONG =
  fence("say", "Before.") +
  fence("write early.txt", "1") +
  fence("stream 1500") +
  fence("wait 1s") +
  fence("say", "After.");

function begin(prompt: string) {
  const run = aRun(node, origin, prompt);
  plane.enqueue(run.create);
  plane.enqueue(run.start);
  return run;
}
const streaming = (run: { sessionId: Parameters<TestControlPlane["transcript"]>[0] }) =>
  plane.until(() => plane.transcript(run.sessionId).some((message) => message.content.length > 500) || undefined);

test("[R3] [R14] runs from the workspace to the pushed branch, and removes everything afterwards", async () => {
  node.startDaemon();
  const run = begin(SHORT);
  expect(await plane.event("workspace.ready")).toMatchObject({
    workspaceId: run.workspaceId,
    branch: "task/a",
    baseCommit: runGit(origin, "rev-parse", "main"),
  });
  await plane.event("session.started");
  const { end } = await plane.event("session.ended");
  expect(end).toMatchObject({
    outcome: "clean",
    failure: null,
    branch: "task/a",
    commits: [{ subject: "Make tea", sha: runGit(origin, "rev-parse", "task/a") }],
    diffStat: { files: 1, insertions: 1, deletions: 0 },
    pushed: true,
    drained: true,
  });
  expect(end.digest).toEqual(plane.digest(run.sessionId));
  expect(plane.transcript(run.sessionId).at(-1)).toMatchObject({
    kind: "notice",
    content: "Pushed 1 commit to task/a.",
  });
  expect(runGit(origin, "show", "task/a:tea.txt")).toBe("green");

  await vi.waitFor(() => expect(node.hosts()).toEqual([]), POLLING);
  plane.enqueue(run.destroy);
  await plane.event("workspace.destroyed");
  expect(node.checkouts()).toEqual([]);
  expect(plane.events.map((event) => event.kind).filter((kind) => kind !== "outbox.stats")).toEqual([
    "workspace.ready",
    "session.started",
    "session.ended",
    "workspace.destroyed",
  ]);
});

test("[R5] [R21] continues a run when the daemon is killed: the next daemon finds the host, and the run ends once", async () => {
  const first = node.startDaemon();
  const run = begin(LONG);
  await streaming(run);
  const [host] = node.hosts();
  first.kill("SIGKILL");
  await waitForExit(first);

  node.startDaemon();
  const { end } = await plane.event("session.ended");
  expect(end).toMatchObject({ outcome: "clean", pushed: true, drained: true });
  expect(end.digest).toEqual(plane.digest(run.sessionId));
  expect(plane.transcript(run.sessionId).some((message) => message.content === "After.")).toBe(true);
  expect(plane.getEnds(run.sessionId)).toHaveLength(1);
  expect(plane.events.filter((event) => event.kind === "session.started")).toHaveLength(1);
  expect(node.log()).not.toContain('"launch":2');
  expect(host).toBeGreaterThan(0);
});

test("[R5] makes one workspace, one end and one branch when the daemon is killed at any step", async () => {
  const run = begin(SHORT);
  for (let kills = 0; kills < 6 && plane.getEnds(run.sessionId).length === 0; kills++) {
    const daemon = node.startDaemon();
    const seen = plane.events.length;
    await Promise.race([plane.until(() => plane.events.length > seen || undefined), waitForExit(daemon)]);
    daemon.kill("SIGKILL");
    await waitForExit(daemon);
  }
  node.startDaemon();
  expect((await plane.event("session.ended")).end).toMatchObject({ outcome: "clean", branch: "task/a", pushed: true });
  expect(plane.getEnds(run.sessionId)).toHaveLength(1);
  expect(plane.events.filter((event) => event.kind === "workspace.ready")).toHaveLength(1);
  expect(runGit(origin, "branch", "--list", "--format=%(refname:short)", "task/*")).toBe("task/a");
});

test("[R5] [R16] [F39] keeps the transcript of a killed session host and ends the session as crashed", async () => {
  node.startDaemon();
  const run = begin(LONG);
  await streaming(run);
  for (const pid of node.hosts()) process.kill(pid, "SIGKILL");
  const { end } = await plane.event("session.ended");
  expect(end).toMatchObject({
    outcome: "crashed",
    pushed: false,
    branch: null,
    drained: true,
    failure: { code: "host_lost" },
  });
  expect(end.digest).toEqual(plane.digest(run.sessionId));
  expect(plane.transcript(run.sessionId).filter((message) => message.interrupted)).toHaveLength(1);
  expect(runGit(origin, "branch", "--list", "task/*")).toBe("");
  // The workspace is retained for inspection.
  expect(node.checkouts()).toHaveLength(1);
});

test("ends the session of a host that cannot start as crashed, with a reason and without a digest", async () => {
  node.startDaemon();
  const run = aRun(node, origin, SHORT);
  plane.enqueue(run.create);
  await plane.event("workspace.ready");
  const [directory = ""] = node.checkouts();
  // Where the host's socket has to be.
  mkdirSync(join(node.stateDir, "w", directory, "session/host.sock"), { recursive: true });
  plane.enqueue(run.start);
  const { end } = await plane.event("session.ended");
  expect(end).toMatchObject({
    outcome: "crashed",
    failure: { code: "host_failed" },
    digest: null,
    pushed: false,
  });
  expect(end.failure?.message).toContain("host.sock");
});

test("[F40] [F46] ends the agent on a cancel, pushes nothing and leaves the checkout unchanged", async () => {
  node.startDaemon();
  const run = begin(fence("write early.txt", "1") + fence("hang"));
  await plane.event("session.started");
  plane.enqueue(run.cancel);
  const { end } = await plane.event("session.ended");
  expect(end).toMatchObject({ outcome: "cancelled", pushed: false, commits: [] });
  const [directoryName] = node.checkouts();
  expect(existsSync(join(node.stateDir, "w", directoryName ?? "", "repo/early.txt"))).toBe(true);
});

test("[R21] ends the session and removes the directory and the processes of a workspace that is destroyed during a run", async () => {
  node.startDaemon();
  const run = begin(LONG);
  await streaming(run);
  plane.enqueue(run.destroy);
  await plane.event("workspace.destroyed");
  expect(plane.getEnds(run.sessionId)).toMatchObject([{ outcome: "cancelled" }]);
  expect(node.checkouts()).toEqual([]);
  expect(node.hosts()).toEqual([]);
});

test("[F4] [F7] keeps events on disk while the control plane is unreachable, and loses and duplicates none", async () => {
  node.startDaemon();
  const run = begin(SHORT);
  await plane.event("workspace.ready");
  plane.withholdAcks = true;
  plane.refuseLink = 503;
  plane.cut();
  await vi.waitFor(() => expect(runGit(origin, "branch", "--list", "task/a")).not.toBe(""), POLLING);
  plane.refuseLink = null;
  plane.acknowledgeEvents();
  await plane.event("session.ended");
  const numbers = plane.events.map((event) => event.n);
  expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
  expect(plane.getEnds(run.sessionId)).toHaveLength(1);
});

test("reports an unusable repository as a failure, and ends a session on it with an error", async () => {
  node.startDaemon();
  const run = aRun(node, join(node.root, "nowhere"), SHORT);
  plane.enqueue(run.create);
  expect((await plane.event("workspace.failed")).failure.code).toBe("repo_not_found");
  plane.enqueue(run.start);
  expect((await plane.event("session.ended")).end).toMatchObject({
    outcome: "error",
    failure: { code: "workspace_not_ready" },
    digest: { count: 0 },
  });
});

test("accepts no new work on a draining node, and finishes the present work", async () => {
  node.startDaemon();
  const run = begin(SHORT);
  await plane.event("workspace.ready");
  plane.enqueue({ id: "drain", kind: "node.drain", args: {} });
  const late = aRun(node, origin, SHORT);
  plane.enqueue(late.create);
  expect(await plane.event("workspace.failed")).toMatchObject({
    workspaceId: late.workspaceId,
    failure: { code: "node_draining" },
  });
  expect((await plane.event("session.ended")).sessionId).toBe(run.sessionId);
});

test("[R21] ends all processes on a node that is gone, and does not dial again", async () => {
  const daemon = node.startDaemon();
  const run = begin(LONG);
  await streaming(run);
  plane.close(LINK_CLOSE.gone);
  expect(await waitForExit(daemon)).toBe(0);
  expect(node.hosts()).toEqual([]);
  const upgrades = plane.upgrades.length;
  const again = node.startDaemon();
  await vi.waitFor(() => expect(node.log()).toContain("node.gone"), POLLING);
  again.kill("SIGTERM");
  expect(await waitForExit(again)).toBe(0);
  expect(plane.upgrades).toHaveLength(upgrades);
});

test("leaves the hosts running when stopped by a signal, and refuses a second daemon on the same node", async () => {
  const first = node.startDaemon();
  const run = begin(fence("say", "Hm.") + fence("hang"));
  await plane.event("session.started");
  expect(await waitForExit(node.startDaemon())).toBe(75);
  first.kill("SIGTERM");
  expect(await waitForExit(first)).toBe(0);
  expect(node.hosts()).toHaveLength(1);
  node.startDaemon();
  plane.enqueue(run.cancel);
  expect((await plane.event("session.ended")).end.outcome).toBe("cancelled");
});

test("[security 6, 23, 32] deletes the bootstrap token, keeps private files private, and puts no token in a log, an argv or the workspace", async () => {
  node.startDaemon();
  const run = begin(fence("sh", "env; cat /proc/$PPID/cmdline"));
  await plane.event("session.ended");
  expect(readFileSync(node.agentFile, "utf8")).not.toContain(plane.bootstrapToken);
  expect(statSync(join(node.stateDir, "identity.json")).mode & 0o077).toBe(0);
  expect(statSync(node.stateDir).mode & 0o077).toBe(process.getuid?.() === 0 ? 0o011 : 0);
  const secrets = [plane.bootstrapToken, "node-token", `ws-token-${run.sessionId}`];
  const [directoryName = ""] = node.checkouts();
  const seen = [
    node.log(),
    JSON.stringify(plane.transcript(run.sessionId)),
    readFileSync(join(node.stateDir, "w", directoryName, "session/host.json"), "utf8"),
    readFileSync(join(node.stateDir, "w", directoryName, "session/host.log"), "utf8"),
  ];
  for (const secret of secrets) expect(seen.filter((text) => text.includes(secret))).toEqual([]);
});

test("acknowledges a command of an unknown kind and reports it as a fault", async () => {
  node.startDaemon();
  await plane.until(() => plane.hellos.length > 0 || undefined);
  plane.send(JSON.stringify({ type: "command", command: { n: 1, id: "x", kind: "agent.update", args: {} } }));
  expect(await plane.event("fault")).toMatchObject({ code: "unknown_command" });
  await plane.until(() => plane.ackedCommand === 1 || undefined);
});

test("[R30] reads a workspace's diff while its agent works and while it is retained, but not once it is destroyed", async () => {
  node.startDaemon();
  // The agent works until it is cancelled, because a clean end would commit the file.
  const run = begin(fence("write early.txt", "1") + fence("stream 1500") + fence("hang"));
  await streaming(run);
  const ask = () => plane.call({ kind: "workspace.diff", workspaceId: run.workspaceId });
  const seen = { branch: "task/a", files: [{ path: "early.txt", change: "untracked" }], truncated: false };
  expect(await ask()).toMatchObject({ kind: "workspace.diff", diff: seen });
  plane.enqueue(run.cancel);
  await plane.event("session.ended");
  const retained = await ask();
  expect(retained).toMatchObject({ kind: "workspace.diff", diff: seen });
  expect(retained.kind === "workspace.diff" && existsSync(join(retained.diff.path, "early.txt"))).toBe(true);
  plane.enqueue(run.destroy);
  await plane.event("workspace.destroyed");
  expect(await ask()).toMatchObject({ kind: "failed", failure: { code: "workspace_not_found" } });
});

test("[security 23] refuses a session when a sandbox is demanded and none works, and reports that in its hello", async () => {
  const bin = join(node.root, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "bwrap"), '#!/bin/sh\necho "bwrap: No permissions to create new namespace" >&2\nexit 1\n', {
    mode: 0o755,
  });
  node.env = { WORKSPACE_RUNTIME: "sandbox", PATH: `${bin}:${process.env["PATH"] ?? ""}` };
  node.startDaemon();
  begin(SHORT);
  const { end } = await plane.event("session.ended");
  expect(end).toMatchObject({ outcome: "error", failure: { code: "sandbox_unavailable" } });
  expect(end.failure?.message).toMatch(/No permissions to create new namespace.*AppArmor/);
  expect(plane.hellos[0]?.runtime).toMatchObject({ kind: "unavailable" });
  expect(node.hosts()).toEqual([]);
});
