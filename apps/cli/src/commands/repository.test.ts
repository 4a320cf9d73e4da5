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

describe("looking at a repository before a task", () => {
  it("takes the checked out branch of the repository around a path", async () => {
    git("init", "--quiet", "--initial-branch=feature/tea");
    commit();
    mkdirSync(join(directory, "deep/er"), { recursive: true });
    const found = await inspect(undefined, "deep/er");
    expect(found).toMatchObject({ url: directory, baseBranch: "feature/tea" });
    expect(await found.warnings).toEqual([]);
  });

  it("warns of what is not committed, and goes on", async () => {
    git("init", "--quiet", "--initial-branch=main");
    commit();
    for (const name of ["a.txt", "b.txt", "c.txt", "d.txt"]) writeFileSync(join(directory, name), "new\n");
    const { warnings } = await inspect();
    expect(await warnings).toEqual(["Not committed, so the task will not see it: a.txt, b.txt, c.txt and 1 more"]);
  });

  it("takes a bare repository", async () => {
    git("init", "--quiet", "--initial-branch=main", "work");
    directory = join(directory, "work");
    commit();
    execFileSync("git", ["clone", "--quiet", "--bare", directory, join(directory, "../tea.git")], { stdio: "pipe" });
    const found = await inspectRepository("../tea.git", undefined, directory);
    expect(found).toMatchObject({ url: realpathSync(join(directory, "../tea.git")), name: "tea", baseBranch: "main" });
    directory = join(directory, "..");
  });

  it("refuses a path that is not there, a file, and a directory without a repository", async () => {
    writeFileSync(join(directory, "file"), "");
    await expect(inspect(undefined, "nowhere")).rejects.toThrow(/There is nothing at .*nowhere/);
    await expect(inspect(undefined, "file")).rejects.toThrow(/is no directory/);
    await expect(inspect()).rejects.toThrow(/is not in a git repository/);
  });

  it("takes a path with a line break, and refuses one inside of .git", async () => {
    directory = join(directory, "two\nlines");
    mkdirSync(directory);
    git("init", "--quiet", "--initial-branch=main");
    commit();
    expect(await inspect()).toMatchObject({ url: directory, baseBranch: "main" });
    await expect(inspect(undefined, ".git")).rejects.toThrow(/inside a repository's .git directory/);
    directory = join(directory, "..");
  });

  it("refuses a repository without a commit", async () => {
    git("init", "--quiet", "--initial-branch=main");
    await expect(inspect()).rejects.toThrow(/has no commit yet/);
    await expect(inspect("main")).rejects.toThrow(/has no commit yet/);
  });

  it("refuses a detached HEAD unless a base is named that is there", async () => {
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

  it("[S1] starts nothing that the repository brings along", async () => {
    git("init", "--quiet", "--initial-branch=main");
    commit();
    git("config", "core.fsmonitor", `touch ${join(directory, "../ran")}; false`);
    await inspect();
    expect(() => realpathSync(join(directory, "../ran"))).toThrow();
  });

  it("says that git is missing", async () => {
    const path = process.env["PATH"];
    process.env["PATH"] = directory;
    try {
      await expect(inspect()).rejects.toThrow(/git is not installed/);
    } finally {
      process.env["PATH"] = path;
    }
  });

  it("takes addresses as they are, and refuses those that it could not clone", async () => {
    expect(await inspect("main", "https://example.org/tea/pot.git")).toMatchObject({
      url: "https://example.org/tea/pot.git",
      name: "pot",
      baseBranch: "main",
    });
    expect(await inspect(undefined, "git@example.org:tea/pot.git")).toMatchObject({ name: "pot", baseBranch: null });
    await expect(inspect(undefined, "https://me:secret@example.org/x")).rejects.toThrow(/no address/);
    await expect(inspect(undefined, "ext::sh -c id")).rejects.toThrow(/There is nothing at/);
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
