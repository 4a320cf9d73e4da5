/** Agents that are a program on the node: found as a shell would find them. */
import { silentLogger, systemClock } from "@samovar/base";
import type { AgentRecipe } from "@samovar/contracts";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { noStartGate } from "@samovar/processes";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeDirectory } from "../daemon/git/repositories.testing.ts";
import { prepareAgent } from "./prepare-agent.ts";
import { TreeChecks } from "./tree-checks.ts";

let root: string;
beforeEach(() => {
  root = makeDirectory();
  mkdirSync(join(root, "bin"));
  mkdirSync(join(root, "bin/directory"));
  writeFileSync(join(root, "bin/tea"), "#!/bin/sh\n", { mode: 0o755 });
  writeFileSync(join(root, "bin/notes"), "no program", { mode: 0o644 });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function prepare(command: string) {
  const recipe: AgentRecipe = {
    kind: "tea",
    name: "Tea",
    program: { from: "path", command, args: ["--acp", "two words"] },
    env: {},
    gateway: null,
    secretEnv: false,
    startsEarly: false,
    homeFiles: {},
  };
  return prepareAgent(recipe, {
    self: () => ["node", "main.ts"],
    agentsDir: join(root, "agents"),
    controlPlaneUrl: "http://127.0.0.1:9",
    trees: new TreeChecks(systemClock),
    timeoutMs: 1000,
    env: { PATH: ["relative", join(root, "nowhere"), join(root, "bin")].join(delimiter) },
    logger: silentLogger,
    signal: new AbortController().signal,
    starts: noStartGate,
    onDelayed: () => {},
    onRejected: () => {},
  });
}

test("finds a program on the node by its name or by its path", async () => {
  const argv = [join(root, "bin/tea"), "--acp", "two words"];
  expect(await prepare("tea")).toEqual({ ok: true, value: argv });
  expect(await prepare(join(root, "bin/tea"))).toEqual({ ok: true, value: argv });
});

test.each(["coffee", "notes", "directory", "bin/tea", "../bin/tea", "/nowhere/tea"])(
  "says what to install for %s, which is no program on the node",
  async (command) => {
    expect(await prepare(command)).toMatchObject({
      ok: false,
      error: { code: "agent_missing", message: expect.stringMatching(/Tea needs\. Install it/) },
    });
  },
);
