/** An ordinary day's work of an agent in a sandbox, through the whole stack: set-up, tests, a server, commits and the push. */
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageView, nodeRuntime } from "@samovar/contracts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { type Installation, parseTask, removeDirectory, startInstallation } from "../harness/installation.ts";
import { git, makeRepository } from "../harness/repository.ts";
import { say, script, sh, write } from "../harness/scripts.ts";

const vmAgent = join(import.meta.dirname, "../../packages/vm-agent/src/main.ts");
const DEMANDED = { WORKSPACE_RUNTIME: "sandbox" };

/** Where there is no sandbox, the journey `sandbox` says so. */
const here = nodeRuntime.parse(
  JSON.parse(
    execFileSync(process.execPath, [vmAgent, "runtime", tmpdir()], {
      env: { ...process.env, ...DEMANDED },
      encoding: "utf8",
    }),
  ),
);

const PACKAGE = {
  name: "tea",
  version: "1.0.0",
  scripts: { test: "node --test" },
  dependencies: { kettle: "file:kettle" },
};
const FILES = {
  ".gitignore": "node_modules\n.venv\n__pycache__\n",
  "package.json": JSON.stringify(PACKAGE),
  "kettle/package.json": JSON.stringify({ name: "kettle", version: "1.0.0" }),
  "kettle/index.js": "exports.boil = (cups) => cups * 3;\n",
  "serve.js": `require("http").createServer((q, r) => r.end(String(require("kettle").boil(2)))).listen(4000, "127.0.0.1", () => console.log("up"));\n`,
  "tea.test.js": `require("node:test")("three minutes a cup", () => require("assert").equal(require("kettle").boil(2), 6));\n`,
  "test_tea.py":
    "import unittest\n\n\nclass Tea(unittest.TestCase):\n    def test_three_minutes_a_cup(self):\n        self.assertEqual(2 * 3, 6)\n",
  "samovar.setup": `#!/bin/sh\nset -e\nnpm ci --no-audit --no-fund\npython3 -m venv .venv\nmkfifo /tmp/up\nnode serve.js >/tmp/up &\nread -r up </tmp/up\n`,
};

if (here.kind === "sandbox") {
  describe("with WORKSPACE_RUNTIME=sandbox", () => {
    let installation: Installation;

    beforeAll(async () => {
      installation = await startInstallation({ env: DEMANDED });
    });

    afterAll(async () => {
      await installation.stop();
      await removeDirectory(installation.dataDir);
    });

    test("[R15] [R48] [R50] a task tests a Node and a Python project, fetches the server that its set-up left, and commits; all of it is pushed", async () => {
      const repository = makeRepository(join(installation.dataDir, "repository"), FILES);
      lock(repository);
      const finished = await installation.samovar([
        "run",
        "--json",
        "--agent",
        "script",
        "--repo",
        repository,
        script(
          "Work a day",
          sh("npm test"),
          sh("curl -sS http://127.0.0.1:4000/"),
          sh(". .venv/bin/activate && python -m unittest 2>&1 && python -c 'import sys; print(sys.prefix)'"),
          write("leaf.txt", "green"),
          sh(
            "git switch -q -c side && git add leaf.txt && git commit -q -m 'Add a leaf' && git switch -q - && git merge -q side && git log --format=%s",
          ),
          write("left.txt", "black"),
          say("It is done."),
        ),
      ]);
      const task = parseTask(finished);
      expect([task.status, task.failure, task.output?.warning ?? null]).toEqual(["completed", null, null]);
      const path = `/api/projects/${task.projectId}/sessions/${task.sessionId}/messages?limit=200`;
      const { messages } = z.object({ messages: z.array(messageView) }).parse(await installation.api(path));
      const tools = messages.flatMap(({ toolMetadata }) => toolMetadata ?? []);
      expect(tools.map(({ tool, status }) => [tool, status])).toContainEqual(["setup", "success"]);
      expect(tools.filter(({ status }) => status !== "success")).toEqual([]);
      const outputs = tools.filter(({ tool }) => tool !== "setup").flatMap(({ output }) => output ?? []);
      expect(outputs[0]).toMatch(/pass 1$/m);
      expect(outputs[1]).toBe("6\n");
      expect(outputs[2]).toMatch(/OK\n\/workspace\/\.venv\n$/);
      expect(outputs.at(-1)).toMatch(/^Add a leaf\nLock\nFirst\n$/);
      const branch = task.branch ?? "";
      expect(git(repository, "log", "--format=%s", branch).split("\n").slice(1)).toEqual([
        "Add a leaf",
        "Lock",
        "First",
      ]);
      expect(git(repository, "show", `${branch}:leaf.txt`)).toBe("green");
      expect(git(repository, "diff", "--name-only", "main", branch)).toBe("leaf.txt\nleft.txt");
    });
  });
}

/** Adds a lockfile. The project depends on its own directory alone, so no registry is needed. */
function lock(repository: string): void {
  execFileSync("npm", ["install", "--package-lock-only", "--offline"], { cwd: repository, stdio: "ignore" });
  git(repository, "add", "--all");
  git(repository, "commit", "--quiet", "--message", "Lock");
}
