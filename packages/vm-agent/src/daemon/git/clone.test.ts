/** Checkouts made with real git, of kind and of hostile repositories. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cloneRepository } from "./clone.ts";
import { cloneOf, gitBy, makeDirectory, makeRepository, alone, placesIn, writeFiles } from "./repositories.testing.ts";

let root: string;
beforeEach(() => {
  root = makeDirectory();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const cloneInto = (name: string, input: Parameters<typeof cloneRepository>[0]) =>
  cloneRepository(input, placesIn(join(root, name)), alone());

describe("a usable repository", () => {
  test("[R14] is checked out whole, on a branch of its own, with the identity for commits", async () => {
    const origin = makeRepository(join(root, "origin"));
    const checkout = await cloneInto("w", cloneOf(origin));
    expect(checkout).toEqual({ ok: true, value: { branch: "task/a", baseCommit: gitBy(origin, "rev-parse", "main") } });
    const repo = join(root, "w/repo");
    expect(readFileSync(join(repo, "README.md"), "utf8")).toBe("# Tea\n");
    expect(gitBy(repo, "symbolic-ref", "HEAD")).toBe("refs/heads/task/a");
    expect(gitBy(repo, "config", "user.name")).toBe("Samovar");
  });

  test("[F42] a branch that the remote has gets a suffix", async () => {
    const origin = makeRepository(join(root, "origin"));
    gitBy(origin, "branch", "task/a");
    gitBy(origin, "branch", "task/a-2");
    expect(await cloneInto("w", cloneOf(origin))).toMatchObject({ ok: true, value: { branch: "task/a-3" } });
  });

  test("starts from the base branch that was asked for", async () => {
    const origin = makeRepository(join(root, "origin"));
    gitBy(origin, "switch", "--quiet", "--create", "release");
    writeFiles(origin, { "release.txt": "1" });
    gitBy(origin, "add", "--all");
    gitBy(origin, "commit", "--quiet", "--message=Release");
    gitBy(origin, "switch", "--quiet", "main");
    const checkout = await cloneInto("w", cloneOf(origin, { baseBranch: "release" }));
    expect(checkout).toMatchObject({ ok: true, value: { baseCommit: gitBy(origin, "rev-parse", "release") } });
  });

  test("with a detached HEAD starts from that commit", async () => {
    const origin = makeRepository(join(root, "origin"));
    gitBy(origin, "switch", "--quiet", "--detach");
    expect(await cloneInto("w", cloneOf(origin))).toMatchObject({
      ok: true,
      value: { baseCommit: gitBy(origin, "rev-parse", "main") },
    });
  });

  test("a clone that was cut off is made again from nothing", async () => {
    const origin = makeRepository(join(root, "origin"));
    mkdirSync(join(root, "w/repo/.git"), { recursive: true });
    writeFileSync(join(root, "w/repo/half"), "half");
    expect(await cloneInto("w", cloneOf(origin))).toMatchObject({ ok: true });
    expect(existsSync(join(root, "w/repo/half"))).toBe(false);
  });
});

const failureOf = async (input: Parameters<typeof cloneRepository>[0]) => {
  const checkout = await cloneInto("w", input);
  return checkout.ok ? "ok" : checkout.error.code;
};

describe("a repository that cannot be used is told clearly", () => {
  test("no such path", async () => {
    expect(await failureOf(cloneOf(join(root, "nowhere")))).toBe("repo_not_found");
  });
  test("a directory without a repository", async () => {
    mkdirSync(join(root, "plain"));
    expect(await failureOf(cloneOf(join(root, "plain")))).toBe("not_a_repository");
  });
  test("a directory inside a repository", async () => {
    makeRepository(join(root, "origin"), { "sub/a.txt": "a" });
    expect(await failureOf(cloneOf(join(root, "origin/sub")))).toBe("not_a_repository");
  });
  test("no commit yet", async () => {
    mkdirSync(join(root, "empty"));
    gitBy(join(root, "empty"), "init", "--quiet");
    expect(await failureOf(cloneOf(join(root, "empty")))).toBe("empty_repository");
  });
  test("no such base branch", async () => {
    const origin = makeRepository(join(root, "origin"));
    expect(await failureOf(cloneOf(origin, { baseBranch: "absent" }))).toBe("base_branch_missing");
  });
  test("HEAD names a branch without a commit", async () => {
    const origin = makeRepository(join(root, "origin"));
    gitBy(origin, "symbolic-ref", "HEAD", "refs/heads/absent");
    expect(await failureOf(cloneOf(origin))).toBe("base_branch_missing");
  });
});

describe("[security 17, 19, 20] what could be read as an option, a command or another transport is refused", () => {
  const addresses = [
    "ext::sh -c touch% /tmp/x",
    "file:///etc",
    "--upload-pack=touch x",
    "-u",
    "https://user:pass@example.org/x",
    "git@host:--x y",
    "ssh://-oProxyCommand=touch/x",
  ];
  test.each(addresses)("address %s", async (address) => {
    const checkout = await cloneInto("w", cloneOf(address));
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
  test.each(names)("branch %j", async (branch) => {
    const origin = makeRepository(join(root, "origin"));
    expect((await cloneInto("w", cloneOf(origin, { branch }))).ok).toBe(false);
    const base = await cloneInto("v", cloneOf(origin, { baseBranch: branch }));
    expect(base).toMatchObject({ ok: false, error: { code: "base_branch_missing" } });
  });
});

test("[security 21] a hostile repository starts nothing while it is cloned", async () => {
  const canary = join(root, "canary");
  const evil = `#!/bin/sh\ntouch ${canary}\n`;
  const inner = makeRepository(join(root, "inner"), { "inner.txt": "x" });
  const origin = makeRepository(join(root, "origin"), {
    ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs\n*.txt filter=evil\n",
    "big.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    "a.txt": "a",
    ".lfsconfig": `[lfs]\n\turl = file://${canary}\n`,
  });
  gitBy(origin, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner, "inner");
  gitBy(origin, "commit", "--quiet", "--message=Submodule");
  gitBy(origin, "config", "filter.evil.smudge", `touch ${canary}`);
  gitBy(origin, "config", "uploadpack.packObjectsHook", `touch ${canary}`);
  gitBy(origin, "config", "core.fsmonitor", `touch ${canary}`);
  for (const hook of ["post-checkout", "post-merge", "post-upload-pack"]) {
    writeFileSync(join(origin, ".git/hooks", hook), evil);
    chmodSync(join(origin, ".git/hooks", hook), 0o755);
  }
  rmSync(canary, { force: true });

  expect(await cloneInto("w", cloneOf(origin))).toMatchObject({ ok: true });

  expect(existsSync(canary)).toBe(false);
  expect(existsSync(join(root, "w/repo/inner/inner.txt"))).toBe(false);
  expect(readFileSync(join(root, "w/repo/big.bin"), "utf8")).toContain("git-lfs");
});

test("objects are no hard links into the repository that was cloned", async () => {
  const origin = makeRepository(join(root, "origin"));
  await cloneInto("w", cloneOf(origin));
  const links = execFileSync("find", [join(origin, ".git/objects"), "-type", "f", "-links", "+1"], {
    encoding: "utf8",
  });
  expect(links).toBe("");
});
