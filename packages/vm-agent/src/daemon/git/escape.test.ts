/** The git part of the escape suite: what a checkout makes git start for a person, and that none of it is started on the node. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NO_LIMITS } from "@samovar/contracts";
import { reportOmission } from "@samovar/testing";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { GIT_PROBES } from "../../runtime/escape/git.ts";
import { SYSTEM_PATH, chooseMode, findModes } from "../../runtime/escape/kinds.testing.ts";
import { runControl } from "../../runtime/escape/stage.testing.ts";
import { readWorkspaceDiff } from "../workspaces/workspace-diff.ts";
import { bundleCheckout, finishCheckout } from "./finish.ts";
import {
  createFinishPorts,
  createSignal,
  makeCheckout,
  makeRepository,
  runGit,
  writeFiles,
} from "./repositories.testing.ts";

vi.setConfig({ testTimeout: 60_000 });

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "smv-escape-git-"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const { modes, engine, withoutDocker, stop } = await findModes();
const runtimes = await Promise.all(
  modes.filter(({ hasUsers }) => !hasUsers).map((mode) => chooseMode(mode, { stateDir: "/nonexistent", engine })),
);
afterAll(async () => {
  await stop();
  if (withoutDocker !== null)
    reportOmission({ what: "the escape suite's git in docker", tests: 3, reason: withoutDocker });
});

/** `traces`: a directory of the node. The canary of each probe is a file in it. */
function createEnvironment(traces: string, home: string, at: number) {
  const [canary, program] = [join(traces, String(at)), `${traces}-program-${at}`];
  writeFileSync(program, `#!/bin/sh\ntouch ${canary}\n`, { mode: 0o755 });
  return { HOME: home, CANARY: canary, PROGRAM: program, TOUCH: `touch ${canary}`, GIT_CONFIG_NOSYSTEM: "1" };
}
const IDENTITY = { "home/.gitconfig": "[user]\n\tname = A\n\temail = a@example.com\n[init]\n\tdefaultBranch = main\n" };

describe.each(runtimes)(
  "[security 21] in the $kind runtime, what an agent plants in its checkout and home",
  (runtime) => {
    test.for([false, true])(
      "starts nothing on the node when its work is compared, finished and bundled (Git LFS: %s)",
      async (lfs) => {
        const place = mkdtempSync(join(root, "finish-"));
        const { origin, paths, input } = await makeCheckout(place, { "README.md": "# Tea\n" }, "Leftovers");
        const traces = join(place, "traces");
        for (const directory of [traces, paths.home]) mkdirSync(directory, { recursive: true });
        writeFiles(paths.home, { ".gitconfig": IDENTITY["home/.gitconfig"] });
        GIT_PROBES.forEach(({ line }, at) => {
          const env = { PATH: SYSTEM_PATH, ...createEnvironment(traces, paths.home, at) };
          execFileSync("sh", ["-c", line], { cwd: paths.repo, env, stdio: "ignore" });
        });
        for (const name of readdirSync(traces)) rmSync(join(traces, name));
        const limits = NO_LIMITS;
        await readWorkspaceDiff({ paths, runtime, limits, baseCommit: input.baseCommit, signal: createSignal() });
        const outputs = await finishCheckout(
          { ...input, checkout: { ...input.checkout, lfs } },
          paths,
          createFinishPorts({ runtime }),
        );
        expect(outputs).toMatchObject({ pushed: true, pushError: null });
        expect(await bundleCheckout(input, paths, createSignal())).toMatchObject({ ok: true });
        const started = GIT_PROBES.filter((_probe, at) => existsSync(join(traces, String(at))));
        expect(started.map(({ what }) => what)).toEqual([]);
        expect(runGit(origin, "ls-tree", "--name-only", "task/a")).toContain("x.smudged");
      },
    );
  },
);

test.for(runtimes)(
  "[security 22] links bring no file of the node into diff, push or bundle: $kind",
  async (runtime) => {
    const place = mkdtempSync(join(root, "links-"));
    const { origin, paths, input } = await makeCheckout(
      place,
      { "README.md": "# Tea\n", "cup/a.txt": "a\n" },
      "Leftovers",
    );
    const secret = join(place, "outside/a.txt");
    writeFiles(place, { "outside/a.txt": "the secret\n", "outside/.gitattributes": "* filter=x\n" });
    rmSync(join(paths.repo, "cup"), { recursive: true });
    symlinkSync(join(place, "outside"), join(paths.repo, "cup"));
    for (const name of ["leak", ".gitattributes", ".gitmodules.md"]) symlinkSync(secret, join(paths.repo, name));
    const seen = await readWorkspaceDiff({
      paths,
      runtime,
      limits: NO_LIMITS,
      baseCommit: input.baseCommit,
      signal: createSignal(),
    });
    expect(JSON.stringify(seen)).not.toContain("the secret");
    expect(await finishCheckout(input, paths, createFinishPorts({ runtime }))).toMatchObject({ pushed: true });
    expect(runGit(origin, "show", "task/a:leak")).toBe(secret);
    expect(runGit(origin, "grep", "--files-without-match", "the secret", "task/a")).not.toBe("");
    expect(() => runGit(origin, "grep", "the secret", "task/a")).toThrow();
    expect(await bundleCheckout(input, paths, createSignal())).toMatchObject({ ok: true });
    runGit(origin, "fetch", "--quiet", paths.bundle, "task/a:brought");
    expect(() => runGit(origin, "grep", "the secret", "brought")).toThrow();
  },
);

test.for(GIT_PROBES.map((probe, at) => ({ ...probe, at })))("$what: git does so for a person", (probe) => {
  const place = mkdtempSync(join(root, "control-"));
  const origin = makeRepository(join(place, "origin"), { "README.md": "# Tea\n" });
  writeFiles(place, IDENTITY);
  mkdirSync(join(place, "traces"));
  runGit(place, "clone", "--quiet", origin, "repo");
  const env = createEnvironment(join(place, "traces"), join(place, "home"), probe.at);
  const { hasReached, output } = runControl(probe, join(place, "repo"), env);
  expect(hasReached, output).toBe(true);
});

test("[security 21] a submodule whose published settings name a command is not pushed, and its command is not started", async () => {
  const place = mkdtempSync(join(root, "published-"));
  const { origin, paths, input } = await makeCheckout(place, { "README.md": "# Tea\n" }, "Leftovers");
  const canary = join(place, "canary");
  writeFiles(paths.repo, { ".gitmodules": `[submodule "a"]\n\tpath = a\n\turl = ./a\n\tupdate = !touch ${canary}\n` });
  const outputs = await finishCheckout(input, paths, createFinishPorts());
  expect(outputs).toMatchObject({ pushed: false, pushError: expect.stringContaining("gitmodulesUpdate") });
  expect(runGit(origin, "branch", "--list", "task/*")).toBe("");
  expect(existsSync(canary)).toBe(false);
});
