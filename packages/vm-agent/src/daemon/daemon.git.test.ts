/** Runs on a private repository behind https: the daemon gets a login for it, and saves what cannot be pushed. */
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { runGit, makeRepository } from "./git/repositories.testing.ts";
import { GitHttpsServer } from "./git/servers.testing.ts";
import type { TestControlPlane } from "./control-plane.testing.ts";
import { aRun, fence, TestNode } from "./daemon.testing.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 30_000 });

let node: TestNode;
let plane: TestControlPlane;
let server: GitHttpsServer;
let origin: string;
beforeEach(async () => {
  node = await new TestNode().prepare();
  plane = node.controlPlane;
  makeRepository(join(node.root, "seed"));
  origin = join(node.root, "served/tea.git");
  runGit(node.root, "clone", "--quiet", "--bare", "seed", origin);
  server = await new GitHttpsServer(join(node.root, "served"), join(node.root, "tls")).start();
  node.env = { GIT_SSL_CAINFO: server.caFile };
  server.rules.access = "private";
  plane.gitLogin = { host: server.host, username: server.rules.username, password: server.rules.password };
});
afterEach(() => {
  server.stop();
  node.clean();
});

function begin(repoUrl = server.url("tea.git")) {
  const run = aRun(node, repoUrl, fence("sh", "env") + fence("write tea.txt", "green"));
  plane.enqueue(run.create);
  plane.enqueue(run.start);
  return run;
}

const rejectPushes = (reason: string) => {
  mkdirSync(join(origin, "hooks"), { recursive: true });
  writeFileSync(join(origin, "hooks/pre-receive"), `#!/bin/sh\necho '${reason}' >&2\nexit 1\n`);
  chmodSync(join(origin, "hooks/pre-receive"), 0o755);
};

test("[R14] [security 28] clones and pushes to a private repository, and leaves the login in no log, transcript or file", async () => {
  node.startDaemon();
  const run = begin();
  expect((await plane.event("session.ended")).end).toMatchObject({ outcome: "clean", branch: "task/a", pushed: true });
  expect(runGit(origin, "show", "task/a:tea.txt")).toBe("green");
  const files = readdirSync(node.stateDir, { recursive: true, encoding: "utf8" })
    .map((name) => join(node.stateDir, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
  expect(files.length).toBeGreaterThan(10);
  const { password } = server.rules;
  expect(files.filter((path) => readFileSync(path, "latin1").includes(password))).toEqual([]);
  expect(node.log()).not.toContain(password);
  expect(JSON.stringify(plane.transcript(run.sessionId))).not.toContain(password);
});

test("[R14] [F41] uploads the commits of a rejected push as a bundle, and reports it in the end and the transcript", async () => {
  rejectPushes("no tea today");
  plane.bundleFaults.push(503, 401);
  node.startDaemon();
  const run = begin();
  const { end } = await plane.event("session.ended");
  expect(end).toMatchObject({ outcome: "clean", branch: null, pushed: false, pushError: /no tea today/ });
  const data = plane.bundles.get(run.sessionId) ?? Buffer.alloc(0);
  expect(end.bundle?.bytes).toBe(data.byteLength);
  writeFileSync(join(node.root, "brought.bundle"), data);
  runGit(join(node.root, "seed"), "fetch", "--quiet", "../brought.bundle", "task/a:brought");
  expect(runGit(join(node.root, "seed"), "show", "brought:tea.txt")).toBe("green");
  expect(plane.transcript(run.sessionId).at(-1)?.content).toMatch(
    /could not be pushed.*1 commit .*git bundle.*no tea today/s,
  );
});

test("[F41] reports the path on the node of a bundle that could not be uploaded", async () => {
  rejectPushes("no tea today");
  plane.bundleFaults.push(413);
  node.startDaemon();
  begin();
  const { end } = await plane.event("session.ended");
  expect(end).toMatchObject({ pushed: false, bundle: null });
  const file = /on the node it is (\S+)\./.exec(end.pushError ?? "")?.[1] ?? "";
  expect(existsSync(file)).toBe(true);
  cpSync(file, join(node.root, "kept.bundle"));
  runGit(join(node.root, "seed"), "fetch", "--quiet", "../kept.bundle", "task/a:kept");
});

test("fails the workspace without a login for the repository's host, and says what to do", async () => {
  plane.gitLogin = null;
  node.startDaemon();
  begin();
  expect((await plane.event("workspace.failed")).failure).toMatchObject({
    code: "auth_failed",
    message: expect.stringContaining("No credential is stored"),
  });
});

test("fails a clone that takes too long", async () => {
  node.env = { ...node.env, CLONE_TIMEOUT_MS: "1" };
  node.startDaemon();
  begin();
  expect((await plane.event("workspace.failed")).failure.code).toBe("clone_timeout");
});
