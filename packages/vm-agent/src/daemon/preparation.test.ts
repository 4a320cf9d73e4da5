/** A new node that still installs its tools: real daemons and sockets; the test takes the part of the user data's script. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LINK_CLOSE } from "@samovar/contracts";
import type { TestControlPlane } from "./control-plane.testing.ts";
import { aRun, fence, TestNode, waitForExit } from "./daemon.testing.ts";
import { makeRepository } from "./git/repositories.testing.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 30_000 });

let node: TestNode;
let plane: TestControlPlane;
beforeEach(async () => {
  node = await new TestNode().prepare();
  plane = node.controlPlane;
  say("installing bubblewrap git");
});
afterEach(() => node.clean());

const file = () => join(node.root, "etc/preparing");
function say(text: string): void {
  writeFileSync(`${file()}.partial`, `${text}\n`);
  renameSync(`${file()}.partial`, file());
}
const reported = (reason: string) =>
  plane.until(() => plane.hellos.some(({ runtime }) => runtime?.kind === "preparing" && runtime.reason === reason));

test("[R18] connects at once, says what it waits for, and begins with what it was told once its tools are there", async () => {
  node.startDaemon();
  await reported("installing bubblewrap git");
  say("installing git (the last attempt failed: E: no mirror)");
  await reported("installing git (the last attempt failed: E: no mirror)");

  const run = aRun(node, makeRepository(join(node.root, "origin")), fence("say", "Tea."));
  plane.enqueue(run.create);
  plane.enqueue(run.start);
  await plane.until(() => plane.ackedCommand === 2);
  await plane.allRead();
  expect(plane.events).toEqual([]);
  expect(existsSync(join(node.stateDir, "w")) ? node.checkouts() : []).toEqual([]);

  rmSync(file());
  await plane.event("session.ended");
  expect(plane.hellos.at(-1)).toMatchObject({ runtime: { kind: "process" }, lastCommand: 2 });
  expect(plane.claims, "one identity").toHaveLength(1);
});

test("[R5] a daemon that is killed while it waits goes on waiting, with the identity that it has", async () => {
  const first = node.startDaemon();
  await reported("installing bubblewrap git");
  first.kill("SIGKILL");
  await waitForExit(first);
  const second = node.startDaemon();
  await plane.until(() => plane.hellos.length === 2);
  expect(plane.hellos[1]?.runtime).toMatchObject({ kind: "preparing" });
  expect(plane.claims).toHaveLength(1);
  second.kill("SIGTERM");
  expect(await waitForExit(second)).toBe(0);
});

test("[R18] a node that is given up while it waits does not come back", async () => {
  node.startDaemon();
  await reported("installing bubblewrap git");
  plane.close(LINK_CLOSE.gone);
  await vi.waitFor(() =>
    expect(JSON.parse(readFileSync(join(node.stateDir, "identity.json"), "utf8"))).toEqual({ phase: "gone" }),
  );
  rmSync(file());
  await vi.waitFor(() => expect(node.log()).toContain("node.gone"));
  expect(plane.hellos).toHaveLength(1);
});
