/** Clones of ordinary and hostile repositories, with real git. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cloneRepository } from "./clone.ts";
import {
  createCloneInput,
  runGit,
  makeDirectory,
  makeRepository,
  createClonePorts,
  makePaths,
  writeFiles,
} from "./repositories.testing.ts";

let root: string;
beforeEach(() => {
  root = makeDirectory();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const cloneInto = (name: string, input: Parameters<typeof cloneRepository>[0]) =>
  cloneRepository(input, makePaths(join(root, name)), createClonePorts());

describe("a usable repository", () => {
  test("[R14] is checked out in full, on a new branch, with the commit identity", async () => {
    const origin = makeRepository(join(root, "origin"));
    const checkout = await cloneInto("w", createCloneInput(origin));
    expect(checkout).toEqual({
      ok: true,
      value: { branch: "task/a", baseCommit: runGit(origin, "rev-parse", "main") },
    });
    const repo = join(root, "w/repo");
    expect(readFileSync(join(repo, "README.md"), "utf8")).toBe("# Tea\n");
    expect(runGit(repo, "symbolic-ref", "HEAD")).toBe("refs/heads/task/a");
    expect(runGit(repo, "config", "user.name")).toBe("Samovar");
  });

  test("[F42] gets a branch with a suffix when the name is taken", async () => {
    const origin = makeRepository(join(root, "origin"));
    runGit(origin, "branch", "task/a");
    runGit(origin, "branch", "task/a-2");
    expect(await cloneInto("w", createCloneInput(origin))).toMatchObject({ ok: true, value: { branch: "task/a-3" } });
  });

  test("starts from the requested base branch", async () => {
    const origin = makeRepository(join(root, "origin"));
    runGit(origin, "switch", "--quiet", "--create", "release");
    writeFiles(origin, { "release.txt": "1" });
    runGit(origin, "add", "--all");
    runGit(origin, "commit", "--quiet", "--message=Release");
    runGit(origin, "switch", "--quiet", "main");
    const checkout = await cloneInto("w", createCloneInput(origin, { baseBranch: "release" }));
    expect(checkout).toMatchObject({ ok: true, value: { baseCommit: runGit(origin, "rev-parse", "release") } });
  });

  test("starts from the commit of a detached HEAD", async () => {
    const origin = makeRepository(join(root, "origin"));
    runGit(origin, "switch", "--quiet", "--detach");
    expect(await cloneInto("w", createCloneInput(origin))).toMatchObject({
      ok: true,
      value: { baseCommit: runGit(origin, "rev-parse", "main") },
    });
  });

  test("is cloned again from nothing after an interrupted clone", async () => {
    const origin = makeRepository(join(root, "origin"));
    mkdirSync(join(root, "w/repo/.git"), { recursive: true });
    writeFileSync(join(root, "w/repo/half"), "half");
    expect(await cloneInto("w", createCloneInput(origin))).toMatchObject({ ok: true });
    expect(existsSync(join(root, "w/repo/half"))).toBe(false);
  });
});

const getFailureCode = async (input: Parameters<typeof cloneRepository>[0]) => {
  const checkout = await cloneInto("w", input);
  return checkout.ok ? "ok" : checkout.error.code;
};

describe("an unusable repository fails with its own code", () => {
  test("for a path that does not exist", async () => {
    expect(await getFailureCode(createCloneInput(join(root, "nowhere")))).toBe("repo_not_found");
  });
  test("for a directory without a repository", async () => {
    mkdirSync(join(root, "plain"));
    expect(await getFailureCode(createCloneInput(join(root, "plain")))).toBe("not_a_repository");
  });
  test("for a directory inside a repository", async () => {
    makeRepository(join(root, "origin"), { "sub/a.txt": "a" });
    expect(await getFailureCode(createCloneInput(join(root, "origin/sub")))).toBe("not_a_repository");
  });
  test("for a repository without a commit", async () => {
    mkdirSync(join(root, "empty"));
    runGit(join(root, "empty"), "init", "--quiet");
    expect(await getFailureCode(createCloneInput(join(root, "empty")))).toBe("empty_repository");
  });
  test("for a missing base branch", async () => {
    const origin = makeRepository(join(root, "origin"));
    expect(await getFailureCode(createCloneInput(origin, { baseBranch: "absent" }))).toBe("base_branch_missing");
  });
  test("for a HEAD that names a branch without a commit", async () => {
    const origin = makeRepository(join(root, "origin"));
    runGit(origin, "symbolic-ref", "HEAD", "refs/heads/absent");
    expect(await getFailureCode(createCloneInput(origin))).toBe("base_branch_missing");
  });
});

describe("[security 17, 19, 20] refuses what could be read as an option, a command or another transport", () => {
  const addresses = [
    "ext::sh -c touch% /tmp/x",
    "file:///etc",
    "--upload-pack=touch x",
    "-u",
    "https://user:pass@example.org/x",
    "git@host:--x y",
    "ssh://-oProxyCommand=touch/x",
  ];
  test.each(addresses)("in the address %s", async (address) => {
    const checkout = await cloneInto("w", createCloneInput(address));
    expect(checkout.ok).toBe(false);
  });

  const names = [
    "-d",
    "--delete",
    "a;id",
    "$(id)",
    "`id`",
    "a b",
    "a..b",
    "a\u202eb",
    "a\nb",
    "@{-1}",
    "a.lock",
    "/a",
    "a/",
    "a~1",
    "a^",
    "a:b",
    "refs\\x",
  ];
  test.each(names)("in the branch name %j", async (branch) => {
    const origin = makeRepository(join(root, "origin"));
    expect((await cloneInto("w", createCloneInput(origin, { branch }))).ok).toBe(false);
    const base = await cloneInto("v", createCloneInput(origin, { baseBranch: branch }));
    expect(base).toMatchObject({ ok: false, error: { code: "base_branch_missing" } });
  });
});

test("[security 21] starts nothing while it clones a hostile repository", async () => {
  const canary = join(root, "canary");
  const evil = `#!/bin/sh\ntouch ${canary}\n`;
  const inner = makeRepository(join(root, "inner"), { "inner.txt": "x" });
  const origin = makeRepository(join(root, "origin"), {
    ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs\n*.txt filter=evil\n",
    "big.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    "a.txt": "a",
    ".lfsconfig": `[lfs]\n\turl = file://${canary}\n`,
  });
  runGit(origin, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner, "inner");
  runGit(origin, "commit", "--quiet", "--message=Submodule");
  runGit(origin, "config", "filter.evil.smudge", `touch ${canary}`);
  runGit(origin, "config", "uploadpack.packObjectsHook", `touch ${canary}`);
  runGit(origin, "config", "core.fsmonitor", `touch ${canary}`);
  for (const hook of ["post-checkout", "post-merge", "post-upload-pack"]) {
    writeFileSync(join(origin, ".git/hooks", hook), evil);
    chmodSync(join(origin, ".git/hooks", hook), 0o755);
  }
  rmSync(canary, { force: true });

  expect(await cloneInto("w", createCloneInput(origin))).toMatchObject({ ok: true });

  expect(existsSync(canary)).toBe(false);
  expect(existsSync(join(root, "w/repo/inner/inner.txt"))).toBe(false);
  expect(readFileSync(join(root, "w/repo/big.bin"), "utf8")).toContain("git-lfs");
});

test("makes no hard links into the source repository", async () => {
  const origin = makeRepository(join(root, "origin"));
  await cloneInto("w", createCloneInput(origin));
  const links = execFileSync("find", [join(origin, ".git/objects"), "-type", "f", "-links", "+1"], {
    encoding: "utf8",
  });
  expect(links).toBe("");
});
