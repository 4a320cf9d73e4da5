import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inspectRepository, isAddress } from "./repository.ts";

let directory = "";
const git = (...args: string[]) =>
  execFileSync("git", ["-C", directory, "-c", "user.name=T", "-c", "user.email=t@localhost", ...args], {
    stdio: "pipe",
  });
const commit = (name = "a.txt") => {
  writeFileSync(join(directory, name), "a\n");
  git("add", "--all");
  git("commit", "--quiet", "--message", "one");
};
const inspect = (base?: string, path = ".") => inspectRepository(path, base, directory);

beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "cli-repository-")));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("inspecting a repository before a task", () => {
  it("uses the checked-out branch of the repository that contains a path", async () => {
    git("init", "--quiet", "--initial-branch=feature/tea");
    commit();
    mkdirSync(join(directory, "deep/er"), { recursive: true });
    const found = await inspect(undefined, "deep/er");
    expect(found).toMatchObject({ url: directory, baseBranch: "feature/tea" });
    expect(await found.warnings).toEqual([]);
  });

  it("warns about uncommitted changes, and goes on", async () => {
    git("init", "--quiet", "--initial-branch=main");
    commit();
    for (const name of ["a.txt", "b.txt", "c.txt", "d.txt"]) writeFileSync(join(directory, name), "new\n");
    const { warnings } = await inspect();
    expect(await warnings).toEqual(["Uncommitted changes are not visible to the task: a.txt, b.txt, c.txt and 1 more"]);
  });

  it("accepts a bare repository", async () => {
    git("init", "--quiet", "--initial-branch=main", "work");
    directory = join(directory, "work");
    commit();
    execFileSync("git", ["clone", "--quiet", "--bare", directory, join(directory, "../tea.git")], { stdio: "pipe" });
    const found = await inspectRepository("../tea.git", undefined, directory);
    expect(found).toMatchObject({ url: realpathSync(join(directory, "../tea.git")), name: "tea", baseBranch: "main" });
    directory = join(directory, "..");
  });

  it("refuses a missing path, a file, and a directory without a repository", async () => {
    writeFileSync(join(directory, "file"), "");
    await expect(inspect(undefined, "nowhere")).rejects.toThrow(/nowhere does not exist/);
    await expect(inspect(undefined, "file")).rejects.toThrow(/is not a directory/);
    await expect(inspect()).rejects.toThrow(/is not in a git repository/);
  });

  it("accepts a path with a line break, and refuses one inside .git", async () => {
    directory = join(directory, "two\nlines");
    mkdirSync(directory);
    git("init", "--quiet", "--initial-branch=main");
    commit();
    expect(await inspect()).toMatchObject({ url: directory, baseBranch: "main" });
    await expect(inspect(undefined, ".git")).rejects.toThrow(/inside a repository's .git directory/);
    directory = join(directory, "..");
  });

  it("refuses a repository without commits", async () => {
    git("init", "--quiet", "--initial-branch=main");
    await expect(inspect()).rejects.toThrow(/has no commits/);
    await expect(inspect("main")).rejects.toThrow(/has no commits/);
  });

  it("refuses a detached HEAD unless an existing base branch is given", async () => {
    git("init", "--quiet", "--initial-branch=main");
    commit();
    git("checkout", "--quiet", "--detach");
    await expect(inspect()).rejects.toMatchObject({
      message: expect.stringMatching(/detached HEAD/),
      hint: expect.stringMatching(/--base/),
    });
    expect(await inspect("main")).toMatchObject({ baseBranch: "main" });
    await expect(inspect("elsewhere")).rejects.toThrow(/has no branch elsewhere/);
    await expect(inspect("--upload-pack=x")).rejects.toThrow(/cannot start from a branch named/);
  });

  it("[S1] starts no program of the repository", async () => {
    git("init", "--quiet", "--initial-branch=main");
    commit();
    git("config", "core.fsmonitor", `touch ${join(directory, "../ran")}; false`);
    await inspect();
    expect(() => realpathSync(join(directory, "../ran"))).toThrow();
  });

  it("reports that git is missing", async () => {
    const path = process.env["PATH"];
    process.env["PATH"] = directory;
    try {
      await expect(inspect()).rejects.toThrow(/git is not installed/);
    } finally {
      process.env["PATH"] = path;
    }
  });

  it("accepts URLs unchanged, and refuses those that Samovar could not clone", async () => {
    expect(await inspect("main", "https://example.org/tea/pot.git")).toMatchObject({
      url: "https://example.org/tea/pot.git",
      name: "pot",
      baseBranch: "main",
    });
    expect(await inspect(undefined, "git@example.org:tea/pot.git")).toMatchObject({ name: "pot", baseBranch: null });
    await expect(inspect(undefined, "https://me:secret@example.org/x")).rejects.toThrow(/cannot clone from this URL/);
    await expect(inspect(undefined, "ext::sh -c id")).rejects.toThrow(/does not exist/);
    expect(["https://a/b", "git@a:b", "ssh://a/b", "./a", "/a:b", "C:x"].map(isAddress)).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
