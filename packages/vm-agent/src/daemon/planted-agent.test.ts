/** A real daemon that finds an agent which it did not install. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AGENTS } from "@samovar/domain/agents";
import { afterEach, beforeEach, expect, test } from "vitest";
import { aRun, TestNode } from "./daemon.testing.ts";
import { makeRepository } from "./git/repositories.testing.ts";

let node: TestNode;
beforeEach(async () => {
  node = await new TestNode().prepare();
  // No registry answers there.
  node.env = { npm_config_registry: "http://127.0.0.1:9", npm_config_fetch_retries: "0" };
});
afterEach(() => node.clean());

test("[security 35] does not run a planted agent, and reports it to the control plane", async () => {
  const planted = join(node.stateDir, "agents/tea-agent-1.0.0/node_modules/tea-agent");
  const canary = join(node.root, "canary");
  mkdirSync(planted, { recursive: true });
  writeFileSync(join(planted, "package.json"), JSON.stringify({ version: "1.0.0", bin: { tea: "tea.js" } }));
  writeFileSync(join(planted, "tea.js"), `require("node:fs").writeFileSync(${JSON.stringify(canary)}, "");`);
  const run = aRun(node, makeRepository(join(node.root, "origin")), "brew");
  if (run.start.kind !== "session.start") throw new Error("not a session's start");
  const program = { from: "npm" as const, package: { name: "tea-agent", version: "1.0.0", bin: "tea" }, args: [] };
  const agent = { ...AGENTS.script.recipe, kind: "tea", program };
  node.startDaemon();
  node.controlPlane.enqueue(run.create);
  node.controlPlane.enqueue({ ...run.start, args: { ...run.start.args, agent } });
  expect(await node.controlPlane.event("fault")).toMatchObject({
    code: "agent_rejected",
    message: expect.stringMatching(/tea-agent 1\.0\.0 .* has no record of its installation/),
  });
  expect(await node.controlPlane.event("session.ended")).toMatchObject({
    end: { outcome: "error", failure: { code: "agent_install_failed" } },
  });
  expect(existsSync(canary)).toBe(false);
});
