/** Checkouts as agents leave them: oversized, with nested repositories, with HEAD elsewhere. No work is lost silently. */
import { existsSync, mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { CheckoutPaths } from "./checkout-paths.ts";
import type { FinishInput } from "./finish.ts";
import { finishCheckout } from "./finish.ts";
import { LEFTOVERS_MAX } from "./leftovers.ts";
import {
  createFinishPorts,
  runGit,
  makeCheckout,
  makeDirectory,
  makeRepository,
  writeFiles,
} from "./repositories.testing.ts";

vi.setConfig({ testTimeout: 60_000 });

let root: string;
let origin: string;
let paths: CheckoutPaths;
let input: FinishInput;

beforeEach(async () => {
  root = makeDirectory();
  ({ origin, paths, input } = await makeCheckout(root, { "README.md": "# Tea\n", "lib/a.txt": "a\n" }, "Leftovers"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const finish = () => finishCheckout(input, paths, createFinishPorts());
const listFiles = (branch: string) => runGit(origin, "ls-tree", "-r", "--name-only", branch).split("\n");
function commit(file: string): void {
  writeFiles(paths.repo, { [file]: `${file}\n` });
  runGit(paths.repo, "add", "--all");
  runGit(paths.repo, "commit", "--quiet", `--message=${file}`);
}

describe("oversized leftovers", () => {
  test("[R14] leaves out thousands of new files by name, and commits tracked files and everything else", async () => {
    mkdirSync(join(paths.repo, "lib/node_modules/deep"), { recursive: true });
    for (let i = 0; i <= LEFTOVERS_MAX.files; i++) writeFileSync(join(paths.repo, `lib/node_modules/deep/${i}.js`), "");
    writeFiles(paths.repo, { "lib/a.txt": "changed\n", "lib/b.txt": "new\n", "c.txt": "new\n" });
    const outputs = await finish();
    expect(outputs).toMatchObject({ pushed: true, diffStat: { files: 3 } });
    expect(outputs.warning).toContain("lib/node_modules");
    expect(listFiles("task/a").toSorted()).toEqual(["README.md", "c.txt", "lib/a.txt", "lib/b.txt"]);
    expect(existsSync(join(paths.repo, "lib/node_modules/deep/0.js"))).toBe(true);
  });

  test("[R14] leaves out a huge new file, and commits a tracked one that grew", async () => {
    writeFileSync(join(paths.repo, "core.dump"), "");
    truncateSync(join(paths.repo, "core.dump"), LEFTOVERS_MAX.bytes + 1);
    writeFiles(paths.repo, { "README.md": "x".repeat(1024 * 1024) });
    const outputs = await finish();
    expect(outputs).toMatchObject({ pushed: true, diffStat: { files: 1 } });
    expect(outputs.warning).toMatch(/50 MB.*core\.dump/);
  });

  test("does not treat strange names as patterns", async () => {
    writeFileSync(join(paths.repo, ":(glob)*"), "");
    truncateSync(join(paths.repo, ":(glob)*"), LEFTOVERS_MAX.bytes + 1);
    writeFiles(paths.repo, { "*": "star\n", "[a]": "brackets\n" });
    expect((await finish()).warning).toContain(":(glob)*");
    expect(listFiles("task/a").toSorted()).toEqual(["*", "README.md", "[a]", "lib/a.txt"]);
  });
});

describe("nested repositories", () => {
  test("[R14] are left out by name when they are new, with a commit or without, and the rest is committed", async () => {
    makeRepository(join(paths.repo, "cloned"));
    mkdirSync(join(paths.repo, "begun"));
    runGit(join(paths.repo, "begun"), "init", "--quiet");
    writeFiles(paths.repo, { "begun/x.txt": "x\n", "b.txt": "b\n" });
    const outputs = await finish();
    expect(outputs).toMatchObject({ pushed: true, diffStat: { files: 1 } });
    expect(outputs.warning).toMatch(/separate git repositories: .*begun.*cloned/);
  });

  test("[R14] are reported when the agent committed them as a pointer", async () => {
    makeRepository(join(paths.repo, "inner"));
    runGit(paths.repo, "-c", "advice.addEmbeddedRepo=false", "add", "inner");
    runGit(paths.repo, "commit", "--quiet", "--message=Inner");
    expect((await finish()).warning).toMatch(/exist only in the workspace: inner\./);
  });

  test("[security 21] start nothing through their filters and monitors", async () => {
    const canary = join(root, "canary");
    const inner = makeRepository(join(paths.repo, "inner"), { ".gitattributes": "* filter=evil\n", "x.txt": "x\n" });
    runGit(paths.repo, "-c", "advice.addEmbeddedRepo=false", "add", "inner");
    runGit(paths.repo, "commit", "--quiet", "--message=Inner");
    for (const name of [
      "filter.evil.clean",
      "filter.evil.process",
      "core.fsmonitor",
      "core.sshCommand",
      "diff.external",
    ])
      runGit(inner, "config", name, `sh -c 'touch ${canary}; cat'`);
    writeFiles(inner, { "x.txt": "y\n" });
    rmSync(canary, { force: true });
    expect(await finish()).toMatchObject({ pushed: true });
    expect(existsSync(canary)).toBe(false);
  });
});

describe("a HEAD elsewhere", () => {
  test("[R14] is pushed from a branch that the agent created", async () => {
    runGit(paths.repo, "switch", "--quiet", "--create", "idea");
    commit("own.txt");
    expect(await finish()).toMatchObject({ branch: "task/a", pushed: true, warning: null });
    expect(runGit(origin, "rev-parse", "task/a")).toBe(runGit(paths.repo, "rev-parse", "idea"));
  });

  test("[R14] is committed to and pushed when it is detached with leftovers", async () => {
    runGit(paths.repo, "switch", "--quiet", "--detach");
    writeFiles(paths.repo, { "b.txt": "b\n" });
    expect(await finish()).toMatchObject({ branch: "task/a", pushed: true, commits: [{ subject: "Leftovers" }] });
  });

  test("[R14] is pushed with a warning about commits on other branches and a stash", async () => {
    runGit(paths.repo, "switch", "--quiet", "--create", "idea");
    commit("one.txt");
    commit("two.txt");
    runGit(paths.repo, "switch", "--quiet", "task/a");
    writeFiles(paths.repo, { "README.md": "stashed\n" });
    runGit(paths.repo, "stash", "--quiet");
    const outputs = await finish();
    expect(outputs).toMatchObject({ branch: null, pushed: false, pushError: null, commits: [] });
    expect(outputs.warning).toBe("Commits on other branches were not pushed: idea (2). There are stashed changes.");
  });

  test("causes no warning about merged branches and branches that the agent pushed", async () => {
    runGit(paths.repo, "switch", "--quiet", "--create", "merged");
    commit("one.txt");
    runGit(paths.repo, "switch", "--quiet", "--create", "elsewhere", input.baseCommit);
    commit("two.txt");
    runGit(paths.repo, "push", "--quiet", "origin", "elsewhere");
    runGit(paths.repo, "switch", "--quiet", "merged");
    expect(await finish()).toMatchObject({ pushed: true, warning: null });
  });

  test("[R14] is reported with all files kept when the agent has re-created the repository", async () => {
    rmSync(join(paths.repo, ".git"), { recursive: true });
    runGit(paths.repo, "init", "--quiet");
    writeFiles(paths.repo, { "b.txt": "b\n" });
    const outputs = await finish();
    expect(outputs).toMatchObject({ pushed: false, pushError: /could not be finished/ });
    expect(existsSync(join(paths.repo, "b.txt"))).toBe(true);
  });
});
