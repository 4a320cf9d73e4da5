/** Diffs of real checkouts: ordinary ones, hostile ones and large ones. */
import type { WorkspaceDiff } from "@samovar/contracts";
import { LIMITS, NO_LIMITS, nodeFrame } from "@samovar/contracts";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { CheckoutPaths } from "../git/checkout-paths.ts";
import { cloneRepository } from "../git/clone.ts";
import {
  createClonePorts,
  createCloneInput,
  runGit,
  makeDirectory,
  makeRepository,
  createSignal,
  makePaths,
  PROCESS_RUNTIME,
  writeFiles,
} from "../git/repositories.testing.ts";
import { readWorkspaceDiff } from "./workspace-diff.ts";

vi.setConfig({ testTimeout: 60_000 });

let root: string;
let directory: string;
let paths: CheckoutPaths;
let baseCommit: string;

beforeEach(async () => {
  root = makeDirectory();
  const origin = makeRepository(join(root, "origin"), {
    "kept.txt": "kept\n",
    "changed.txt": "one\ntwo\n",
    "gone.txt": "gone\n",
    "old-name.txt": "a long enough text to be known again\nby its second line too\n",
  });
  directory = join(root, "w");
  paths = makePaths(directory);
  const made = await cloneRepository(createCloneInput(origin), paths, createClonePorts());
  baseCommit = made.ok ? made.value.baseCommit : expect.fail(made.error.message);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const ask = (signal = createSignal()) =>
  readWorkspaceDiff({ paths, runtime: PROCESS_RUNTIME, limits: NO_LIMITS, baseCommit, signal });
async function readDiff(): Promise<WorkspaceDiff> {
  const seen = await ask();
  return seen.ok ? seen.value : expect.fail(seen.error.message);
}

describe("the diff of a checkout", () => {
  it("is empty for a fresh clone", async () => {
    expect(await readDiff()).toEqual({
      path: paths.repo,
      branch: "task/a",
      head: baseCommit,
      files: [],
      diff: "",
      truncated: false,
    });
  });

  it("shows committed, staged, changed, renamed, deleted and untracked files against the base commit", async () => {
    writeFiles(paths.repo, { "changed.txt": "one\nTWO\n" });
    runGit(paths.repo, "commit", "--quiet", "--all", "--message=Half");
    runGit(paths.repo, "mv", "old-name.txt", "new name.txt");
    writeFiles(paths.repo, { "staged.txt": "staged\n", "deep/untracked.txt": "only here\n" });
    runGit(paths.repo, "add", "--", "staged.txt");
    unlinkSync(join(paths.repo, "gone.txt"));
    const seen = await readDiff();
    expect(seen.head).toBe(runGit(paths.repo, "rev-parse", "HEAD"));
    expect(seen.files.toSorted((a, b) => a.path.localeCompare(b.path))).toEqual([
      { path: "changed.txt", change: "modified" },
      { path: "deep/untracked.txt", change: "untracked" },
      { path: "gone.txt", change: "deleted" },
      { path: "new name.txt", change: "renamed" },
      { path: "staged.txt", change: "added" },
    ]);
    for (const line of ["-two", "+TWO", "+only here", "+staged", "-gone", "rename to new name.txt"])
      expect(seen.diff).toContain(`\n${line}`);
    expect(seen.truncated).toBe(false);
  });

  it("leaves the checkout unchanged and no temporary files behind", async () => {
    writeFiles(paths.repo, { "new.txt": "new\n", "changed.txt": "x\n" });
    // It may itself write the index.
    const status = runGit(paths.repo, "status", "-s");
    const index = readFileSync(join(paths.repo, ".git/index"));
    const objects = runGit(paths.repo, "count-objects", "-v");
    await readDiff();
    expect(runGit(paths.repo, "count-objects", "-v")).toBe(objects);
    expect(readFileSync(join(paths.repo, ".git/index")).equals(index)).toBe(true);
    expect(runGit(paths.repo, "status", "-s")).toBe(status);
    expect(readdirSync(paths.tmp)).toEqual([]);
  });

  it("names the branch and commit after the agent has left its branch or started an unrelated history", async () => {
    runGit(paths.repo, "switch", "--quiet", "--detach");
    expect(await readDiff()).toMatchObject({ branch: null, head: baseCommit });
    runGit(paths.repo, "switch", "--quiet", "--orphan", "fresh");
    expect(await readDiff()).toMatchObject({ branch: "fresh", head: null });
  });

  it("works without an index that cannot be read", async () => {
    writeFileSync(join(paths.repo, ".git/index"), "no index at all");
    writeFiles(paths.repo, { "changed.txt": "other\n" });
    expect((await readDiff()).files).toEqual([{ path: "changed.txt", change: "modified" }]);
  });

  it("fails with the path when the checkout is no longer a repository", async () => {
    rmSync(join(paths.repo, ".git"), { recursive: true });
    const seen = await ask();
    expect(seen).toMatchObject({ ok: false, error: { code: "diff_failed" } });
    expect(seen.ok ? "" : seen.error.message).toContain(paths.repo);
  });

  it("ends with its signal", async () => {
    const abort = new AbortController();
    abort.abort(new Error("enough"));
    await expect(ask(abort.signal)).rejects.toThrow("enough");
    expect(readdirSync(paths.tmp)).toEqual([]);
  });
});

describe("[S1] the diff of a hostile checkout", () => {
  it("[security 19, 21] starts no filter, monitor, diff program, hook or transport from the repository's settings", async () => {
    const trap = (name: string) => `touch ${join(root, `sprung-${name}`)}; cat`;
    const settings: readonly (readonly [string, string])[] = [
      ["core.fsmonitor", trap("monitor")],
      ["core.pager", trap("pager")],
      ["diff.external", trap("external")],
      ["filter.trap.clean", trap("clean")],
      ["filter.trap.smudge", trap("smudge")],
      ["filter.trap.process", trap("process")],
      ["diff.trap.command", trap("command")],
      ["diff.trap.textconv", trap("textconv")],
      ["core.sshCommand", trap("ssh")],
      ["remote.origin.uploadpack", trap("uploadpack")],
      ["protocol.file.allow", "always"],
      ["protocol.ext.allow", "always"],
      ["remote.origin.promisor", "true"],
      ["extensions.partialClone", "origin"],
      ["alias.diff", `!${trap("alias")}`],
    ];
    for (const [name, value] of settings) runGit(paths.repo, "config", "--local", name, value);
    runGit(paths.home, "config", "--global", "diff.external", trap("global"));
    writeFiles(paths.repo, {
      ".gitattributes": "* filter=trap diff=trap\n",
      "changed.txt": "bent\n",
      "new.txt": "n\n",
    });
    mkdirSync(join(paths.repo, ".git/hooks"), { recursive: true });
    writeFileSync(join(paths.repo, ".git/hooks/post-index-change"), `#!/bin/sh\n${trap("hook")}\n`, { mode: 0o755 });
    const seen = await readDiff();
    expect(seen.files.map(({ path }) => path)).toContain("changed.txt");
    // A missing commit: the diff must not make git fetch it.
    writeFileSync(join(paths.repo, ".git/refs/heads/task/a"), `${"a".repeat(40)}\n`);
    unlinkSync(join(paths.repo, ".git/index"));
    expect(await ask()).toMatchObject({ ok: false, error: { code: "diff_failed" } });
    const sprung = () => readdirSync(root).filter((name) => name.startsWith("sprung-"));
    expect(sprung()).toEqual([]);
    expect(() => runGit(paths.repo, "status"), "the traps work for a git that reads the settings").toThrow();
    expect(sprung()).not.toEqual([]);
  });

  it("[security 22] follows no link out of the checkout", async () => {
    writeFileSync(join(root, "secret"), "the secret\n");
    symlinkSync(join(root, "secret"), join(paths.repo, "link.txt"));
    unlinkSync(join(paths.repo, "kept.txt"));
    symlinkSync(join(root, "secret"), join(paths.repo, "kept.txt"));
    const seen = await readDiff();
    expect(seen.diff).not.toContain("the secret");
    expect(seen.files).toContainEqual({ path: "link.txt", change: "untracked" });
  });

  it("treats file names that look like options or patterns as names", async () => {
    writeFiles(paths.repo, { "--output=x": "1\n", ":(top)*": "2\n", "a*b": "3\n" });
    const seen = await readDiff();
    expect(seen.files.map(({ path }) => path).toSorted()).toEqual(["--output=x", ":(top)*", "a*b"]);
    for (const line of ["+1", "+2", "+3"]) expect(seen.diff).toContain(`\n${line}\n`);
    expect(existsSync(join(paths.repo, "x"))).toBe(false);
  });

  it("shows a nested repository as one entry", async () => {
    makeRepository(join(paths.repo, "inner"));
    const seen = await readDiff();
    expect(seen.files).toEqual([{ path: "inner/", change: "untracked" }]);
    expect(seen.truncated).toBe(true);
  });
});

describe("a large diff", () => {
  const asFrame = (seen: WorkspaceDiff) =>
    JSON.stringify({ type: "reply", id: "x".repeat(200), reply: { kind: "workspace.diff", diff: seen } });

  it("is cut at a line, is marked as truncated, and fits into a frame however its text is escaped", async () => {
    writeFiles(paths.repo, { "changed.txt": "\u0001\u0002é\n".repeat(400_000), "new.txt": "y\n" });
    const seen = await readDiff();
    expect(seen).toMatchObject({ truncated: true, files: [{ path: "changed.txt" }, { path: "new.txt" }] });
    expect(seen.diff.endsWith("\n")).toBe(true);
    expect(Buffer.byteLength(asFrame(seen))).toBeLessThan(LIMITS.linkFrameMaxBytes);
    expect(nodeFrame.safeParse(JSON.parse(asFrame(seen))).success).toBe(true);
  });

  it("omits the text of new files that are too many or too long, but lists them", async () => {
    writeFiles(paths.repo, Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`new/${n}.txt`, `${n}\n`])));
    writeFiles(paths.repo, { "a-big.txt": "big\n".repeat(100_000) });
    const seen = await readDiff();
    expect(seen.files).toHaveLength(301);
    expect(seen.truncated).toBe(true);
    expect(seen.diff).not.toContain("+big");
    expect(seen.diff).toContain("new/0.txt");
  });

  it("lists as many files as fit", async () => {
    const long = "d".repeat(200);
    writeFiles(paths.repo, Object.fromEntries(Array.from({ length: 1500 }, (_, n) => [`${long}/${n}`, ""])));
    const seen = await readDiff();
    expect(seen.files.length).toBeGreaterThan(500);
    expect(seen.files.length).toBeLessThan(1500);
    expect(seen.truncated).toBe(true);
  });
});
