/** What another user of the node's machine reaches of a daemon with a running session. */
import { spawnSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { aRun, fence, TestNode } from "./daemon.testing.ts";
import { makeRepository } from "./git/repositories.testing.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 30_000 });

const NOBODY = 65_534;

let node: TestNode;
beforeEach(async () => {
  node = await new TestNode().prepare();
});
afterEach(() => node.clean());

/** Runs Node as another user, which only root can. */
const runAsNobody = (script: string, ...args: string[]) =>
  spawnSync(process.execPath, ["-e", script, ...args], { uid: NOBODY, gid: NOBODY, encoding: "utf8" });

test("[security 23] another user reads none of its files and connects to none of its sockets", async () => {
  node.startDaemon();
  const origin = makeRepository(join(node.root, "origin"));
  const run = aRun(node, origin, fence("sh", "while :; do sleep 0.2; done"));
  node.controlPlane.enqueue(run.create);
  node.controlPlane.enqueue(run.start);
  await node.controlPlane.event("session.started");
  const names = readdirSync(node.stateDir, { recursive: true, encoding: "utf8" });
  const secrets = names.filter((name) => /identity\.json$|daemon\.sqlite$|host\.json$|host\.sqlite$/.test(name));
  const sockets = names.filter((name) => name.endsWith("host.sock")).map((name) => join(node.stateDir, name));
  expect(secrets.length).toBeGreaterThanOrEqual(4);
  expect(sockets).toHaveLength(1);

  const mode = (path: string) => statSync(path).mode & 0o777;
  // Users of workspaces pass through it, where they have some.
  expect(mode(node.stateDir)).toBe(process.getuid?.() === 0 ? 0o711 : 0o700);
  for (const socket of sockets) expect([mode(dirname(socket)), mode(socket)]).toEqual([0o700, 0o600]);
  expect(readFileSync(join(node.stateDir, "identity.json"), "utf8")).toContain("node-token-");
  if (process.getuid?.() !== 0) return;

  for (const path of [node.root, join(node.root, "var"), dirname(node.stateDir)]) chmodSync(path, 0o755);
  const read = `try { console.log(require("fs").readFileSync(process.argv[1], "latin1").length) } catch (error) { console.log(error.code) }`;
  for (const secret of secrets) expect(runAsNobody(read, join(node.stateDir, secret)).stdout).toBe("EACCES\n");
  const connect = `require("net").connect(process.argv[1]).on("error", (error) => console.log(error.code)).on("connect", () => { console.log("connected"); process.exit() })`;
  for (const socket of sockets) expect(runAsNobody(connect, socket).stdout).toBe("EACCES\n");
  // The path to it is open, as on a server.
  const list = 'console.log(require("fs").readdirSync(process.argv[1]).join())';
  expect(runAsNobody(list, dirname(node.stateDir)).stdout).toBe("samovar\n");
});
