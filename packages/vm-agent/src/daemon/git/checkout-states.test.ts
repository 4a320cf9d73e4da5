/** Checkouts as agents leave them: too much, repositories inside, HEAD elsewhere. No work is lost in silence. */
import { existsSync, mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { CheckoutPlaces } from "./clone.ts";
import type { FinishInput } from "./finish.ts";
import { finishCheckout } from "./finish.ts";
import { LEFTOVERS_MAX } from "./leftovers.ts";
import { alone, gitBy, makeCheckout, makeDirectory, makeRepository, writeFiles } from "./repositories.testing.ts";

vi.setConfig({ testTimeout: 60_000 });

let root: string;
let origin: string;
let places: CheckoutPlaces;
let input: FinishInput;

beforeEach(async () => {
  root = makeDirectory();
  ({ origin, places, input } = await makeCheckout(root, { "README.md": "# Tea\n", "lib/a.txt": "a\n" }, "Leftovers"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const finish = () => finishCheckout(input, places, { ...alone(), timeoutMs: 120_000 });
const filesOf = (branch: string) => gitBy(origin, "ls-tree", "-r", "--name-only", branch).split("\n");
function commit(file: string): void {
  writeFiles(places.repo, { [file]: `${file}\n` });
  gitBy(places.repo, "add", "--all");
  gitBy(places.repo, "commit", "--quiet", `--message=${file}`);
}

describe("too much for a commit", () => {
  test("[R14] thousands of new files are left out by name; what is tracked among them and all else is committed", async () => {
    mkdirSync(join(places.repo, "lib/node_modules/deep"), { recursive: true });
    for (let i = 0; i <= LEFTOVERS_MAX.files; i++)
      writeFileSync(join(places.repo, `lib/node_modules/deep/${i}.js`), "");
    writeFiles(places.repo, { "lib/a.txt": "changed\n", "lib/b.txt": "new\n", "c.txt": "new\n" });
    const outputs = await finish();
    expect(outputs).toMatchObject({ pushed: true, diffStat: { files: 3 } });
    expect(outputs.warning).toContain("lib/node_modules");
    expect(filesOf("task/a").toSorted()).toEqual(["README.md", "c.txt", "lib/a.txt", "lib/b.txt"]);
    expect(existsSync(join(places.repo, "lib/node_modules/deep/0.js"))).toBe(true);
  });

  test("[R14] a huge new file is left out; a tracked one that grew is committed", async () => {
    writeFileSync(join(places.repo, "core.dump"), "");
    truncateSync(join(places.repo, "core.dump"), LEFTOVERS_MAX.bytes + 1);
    writeFiles(places.repo, { "README.md": "x".repeat(1024 * 1024) });
    const outputs = await finish();
    expect(outputs).toMatchObject({ pushed: true, diffStat: { files: 1 } });
    expect(outputs.warning).toMatch(/50 MB.*core\.dump/);
  });

  test("strange names are no patterns", async () => {
    writeFileSync(join(places.repo, ":(glob)*"), "");
    truncateSync(join(places.repo, ":(glob)*"), LEFTOVERS_MAX.bytes + 1);
    writeFiles(places.repo, { "*": "star\n", "[a]": "brackets\n" });
    expect((await finish()).warning).toContain(":(glob)*");
    expect(filesOf("task/a").toSorted()).toEqual(["*", "README.md", "[a]", "lib/a.txt"]);
  });
});

describe("repositories inside", () => {
  test("[R14] a new one is left out by name, with a commit or without; the rest is committed", async () => {
    makeRepository(join(places.repo, "cloned"));
    mkdirSync(join(places.repo, "begun"));
    gitBy(join(places.repo, "begun"), "init", "--quiet");
    writeFiles(places.repo, { "begun/x.txt": "x\n", "b.txt": "b\n" });
    const outputs = await finish();
    expect(outputs).toMatchObject({ pushed: true, diffStat: { files: 1 } });
    expect(outputs.warning).toMatch(/git repositories of their own: .*begun.*cloned/);
  });

  test("[R14] one that the agent committed as a pointer is told", async () => {
    makeRepository(join(places.repo, "inner"));
    gitBy(places.repo, "-c", "advice.addEmbeddedRepo=false", "add", "inner");
    gitBy(places.repo, "commit", "--quiet", "--message=Inner");
    expect((await finish()).warning).toMatch(/only the workspace has: inner\./);
  });

  test("[security 21] its filters and monitors start nothing of ours", async () => {
    const canary = join(root, "canary");
    const inner = makeRepository(join(places.repo, "inner"), { ".gitattributes": "* filter=evil\n", "x.txt": "x\n" });
    gitBy(places.repo, "-c", "advice.addEmbeddedRepo=false", "add", "inner");
    gitBy(places.repo, "commit", "--quiet", "--message=Inner");
    for (const name of [
      "filter.evil.clean",
      "filter.evil.process",
      "core.fsmonitor",
      "core.sshCommand",
      "diff.external",
    ])
      gitBy(inner, "config", name, `sh -c 'touch ${canary}; cat'`);
    writeFiles(inner, { "x.txt": "y\n" });
    rmSync(canary, { force: true });
    expect(await finish()).toMatchObject({ pushed: true });
    expect(existsSync(canary)).toBe(false);
  });
});

describe("HEAD is elsewhere", () => {
  test("[R14] on a branch of the agent's own: that is what is pushed", async () => {
    gitBy(places.repo, "switch", "--quiet", "--create", "idea");
    commit("own.txt");
    expect(await finish()).toMatchObject({ branch: "task/a", pushed: true, warning: null });
    expect(gitBy(origin, "rev-parse", "task/a")).toBe(gitBy(places.repo, "rev-parse", "idea"));
  });

  test("[R14] detached, with leftovers: they are committed and pushed", async () => {
    gitBy(places.repo, "switch", "--quiet", "--detach");
    writeFiles(places.repo, { "b.txt": "b\n" });
    expect(await finish()).toMatchObject({ branch: "task/a", pushed: true, commits: [{ subject: "Leftovers" }] });
  });

  test("[R14] commits on other branches and a stash are told", async () => {
    gitBy(places.repo, "switch", "--quiet", "--create", "idea");
    commit("one.txt");
    commit("two.txt");
    gitBy(places.repo, "switch", "--quiet", "task/a");
    writeFiles(places.repo, { "README.md": "stashed\n" });
    gitBy(places.repo, "stash", "--quiet");
    const outputs = await finish();
    expect(outputs).toMatchObject({ branch: null, pushed: false, pushError: null, commits: [] });
    expect(outputs.warning).toBe("Commits on other branches were not pushed: idea (2). There are stashed changes.");
  });

  test("a branch that is merged, and one that the agent pushed, are no stray work", async () => {
    gitBy(places.repo, "switch", "--quiet", "--create", "merged");
    commit("one.txt");
    gitBy(places.repo, "switch", "--quiet", "--create", "elsewhere", input.baseCommit);
    commit("two.txt");
    gitBy(places.repo, "push", "--quiet", "origin", "elsewhere");
    gitBy(places.repo, "switch", "--quiet", "merged");
    expect(await finish()).toMatchObject({ pushed: true, warning: null });
  });

  test("[R14] a repository that was begun anew is told, with everything still there", async () => {
    rmSync(join(places.repo, ".git"), { recursive: true });
    gitBy(places.repo, "init", "--quiet");
    writeFiles(places.repo, { "b.txt": "b\n" });
    const outputs = await finish();
    expect(outputs).toMatchObject({ pushed: false, pushError: /could not be finished/ });
    expect(existsSync(join(places.repo, "b.txt"))).toBe(true);
  });
});
