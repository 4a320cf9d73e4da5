/** Submodules, Git LFS and hooks: off by default, and nothing else runs when a project turns them on. */
import { ok } from "@samovar/base";
import type { CheckoutOptions } from "@samovar/contracts";
import { PLAIN_CHECKOUT } from "@samovar/contracts";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { CheckoutPaths } from "./checkout-paths.ts";
import { cloneRepository } from "./clone.ts";
import { finishCheckout } from "./finish.ts";
import {
  createCloneInput,
  createFinishPorts,
  runGit,
  makeDirectory,
  makeRepository,
  createSignal,
  makePaths,
  writeFiles,
} from "./repositories.testing.ts";
import type { GitHttpsServer, GitService } from "./servers.testing.ts";
import { startGitService } from "./servers.testing.ts";

vi.setConfig({ testTimeout: 60_000 });

let service: GitService;
let base: string;
let server: GitHttpsServer;
beforeAll(async () => {
  service = await startGitService();
  ({ base, server } = service);
});
afterAll(() => service.stop());

let root: string;
let paths: CheckoutPaths;
beforeEach(() => {
  root = makeDirectory();
  paths = makePaths(join(root, "w"));
  server.open();
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
  rmSync(join(base, "served"), { recursive: true, force: true });
});

const login = async () => ok(server.login());

async function checkOut(repoUrl: string, options: Partial<CheckoutOptions>) {
  const input = createCloneInput(repoUrl, { checkout: { ...PLAIN_CHECKOUT, ...options } });
  return cloneRepository(input, paths, { signal: createSignal(), requestLogin: login });
}

async function checkedOut(repoUrl: string, options: Partial<CheckoutOptions>) {
  const made = await checkOut(repoUrl, options);
  if (!made.ok) throw new Error(`${made.error.code}: ${made.error.message}`);
  const input = {
    repoUrl,
    ...made.value,
    commit: true,
    push: true,
    commitMessage: "Leftovers",
    checkout: { ...PLAIN_CHECKOUT, ...options },
  };
  return () => finishCheckout(input, paths, createFinishPorts({ requestLogin: login }));
}

/** Makes a bare clone that the https server serves; returns its directory. */
function serve(seed: string, name: string): string {
  const bare = join(base, "served", name);
  runGit(root, "clone", "--quiet", "--bare", seed, bare);
  return bare;
}

describe("submodules", () => {
  /** `outer` holds `inner`, which holds `innermost`. */
  function nested(urlOf: (name: string) => string): void {
    const add = (directory: string, name: string) => {
      runGit(directory, "-c", "protocol.file.allow=always", "clone", "--quiet", join(base, "served", name), name);
      runGit(directory, "-c", "advice.addEmbeddedRepo=false", "add", name);
      writeFiles(directory, { ".gitmodules": `[submodule "${name}"]\n\tpath = ${name}\n\turl = ${urlOf(name)}\n` });
      runGit(directory, "add", ".gitmodules");
      runGit(directory, "commit", "--quiet", "--message=Submodule");
    };
    serve(makeRepository(join(root, "innermost"), { "deep.txt": "deep\n" }), "innermost");
    add(makeRepository(join(root, "inner"), { "inner.txt": "inner\n" }), "innermost");
    serve(join(root, "inner"), "inner");
    add(makeRepository(join(root, "outer")), "inner");
    serve(join(root, "outer"), "outer");
  }

  test("are cloned recursively with the same login if the project asks, and not otherwise", async () => {
    nested((name) => server.url(name));
    server.rules.access = "private";
    await checkedOut(server.url("outer"), {});
    expect(existsSync(join(paths.repo, "inner/inner.txt"))).toBe(false);
    await checkedOut(server.url("outer"), { submodules: true });
    expect(readFileSync(join(paths.repo, "inner/innermost/deep.txt"), "utf8")).toBe("deep\n");
  });

  test("[R14] have a newer commit committed, with a warning while their remote does not have it", async () => {
    nested((name) => server.url(name));
    const finish = await checkedOut(server.url("outer"), { submodules: true });
    const inner = join(paths.repo, "inner");
    writeFiles(inner, { "more.txt": "more\n" });
    runGit(inner, "add", "--all");
    runGit(inner, "commit", "--quiet", "--message=More");
    expect((await finish()).warning).toMatch(/exist only in the workspace: inner\./);
    runGit(inner, "push", "--quiet", join(base, "served", "inner"), "HEAD:refs/heads/more");
    runGit(inner, "update-ref", "refs/remotes/origin/more", "HEAD");
    expect(await finish()).toMatchObject({ pushed: true, warning: null, diffStat: { files: 1 } });
    expect(runGit(join(base, "served", "outer"), "rev-parse", "task/a:inner")).toBe(runGit(inner, "rev-parse", "HEAD"));
  });

  test("[security 21] of a local repository share no file with it, so that nothing in the workspace changes the person's own", async () => {
    nested((name) => join(base, "served", name));
    await checkedOut(join(base, "served/outer"), { submodules: true });
    expect(readFileSync(join(paths.repo, "inner/innermost/deep.txt"), "utf8")).toBe("deep\n");
    const entries = readdirSync(paths.repo, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    expect(files.filter((file) => lstatSync(file).nlink > 1)).toEqual([]);
  });

  test.each(["ext::sh -c touch% CANARY", "file://CANARY", "CANARY-repo", "-u./CANARY"])(
    "[security 17, 21] at the address %s are not fetched and start nothing",
    async (where) => {
      const canary = join(root, "canary");
      makeRepository(`${canary}-repo`);
      nested(() => where.replace("CANARY", canary));
      expect(await checkOut(server.url("outer"), { submodules: true })).toMatchObject({
        ok: false,
        error: { code: "clone_failed" },
      });
      expect(existsSync(canary)).toBe(false);
    },
  );
});

const pointer = (text: string) => text.startsWith("version https://git-lfs.github.com/spec/v1\n");

describe("Git LFS", () => {
  const attributes = { ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n" };

  /** Pushes one big file in a first task, and makes it part of `main`. */
  async function withBigFile(): Promise<string> {
    const bare = serve(makeRepository(join(root, "seed"), attributes), "big.git");
    const finish = await checkedOut(server.url("big.git"), { lfs: true });
    writeFiles(paths.repo, { "big.bin": "a very big file" });
    expect(await finish()).toMatchObject({ branch: "task/a", pushed: true, warning: null });
    runGit(bare, "update-ref", "refs/heads/main", "task/a");
    runGit(bare, "update-ref", "-d", "refs/heads/task/a");
    return bare;
  }

  test("fetches and uploads files with the login if the project asks, and the agent's git writes pointers", async () => {
    server.rules.access = "private";
    const bare = await withBigFile();
    expect([...server.lfsObjects.values()].map(String)).toEqual(["a very big file"]);
    expect(pointer(runGit(bare, "show", "main:big.bin"))).toBe(true);

    const finish = await checkedOut(server.url("big.git"), { lfs: true });
    expect(readFileSync(join(paths.repo, "big.bin"), "utf8")).toBe("a very big file");
    writeFiles(paths.repo, { "other.bin": "another one" });
    runGit(paths.repo, "add", "--all");
    runGit(paths.repo, "commit", "--quiet", "--message=By the agent");
    expect(await finish()).toMatchObject({ pushed: true, commits: [{ subject: "By the agent" }] });
    expect(pointer(runGit(bare, "show", "task/a:other.bin"))).toBe(true);
    expect([...server.lfsObjects.values()].map(String)).toContain("another one");
  });

  test("leaves files as pointers otherwise, and pushes them as pointers", async () => {
    await withBigFile();
    const finish = await checkedOut(server.url("big.git"), {});
    expect(pointer(readFileSync(join(paths.repo, "big.bin"), "utf8"))).toBe(true);
    writeFiles(paths.repo, { "b.txt": "b\n" });
    expect(await finish()).toMatchObject({ pushed: true, diffStat: { files: 1 } });
  });

  test("[F41] reports a rejected push when the host refuses the files", async () => {
    serve(makeRepository(join(root, "seed"), attributes), "big.git");
    const finish = await checkedOut(server.url("big.git"), { lfs: true });
    writeFiles(paths.repo, { "big.bin": "a very big file" });
    server.rules.before = (kind) => (kind === "lfs" ? 403 : undefined);
    const outputs = await finish();
    expect(outputs).toMatchObject({ pushed: false, commits: [{ subject: "Leftovers" }] });
    expect(outputs.pushError).toContain("Git LFS could not upload its files");
  });

  test("[security 21] runs no filter except Git LFS's", async () => {
    const canary = join(root, "canary");
    const touch = `sh -c 'touch ${canary}'`;
    serve(
      makeRepository(join(root, "seed"), {
        ".gitattributes": "*.bin filter=lfs\n*.txt filter=evil\n",
        "a.txt": "a\n",
        ".lfsconfig": `[lfs]\n\tstandalonetransferagent = evil\n[lfs "customtransfer.evil"]\n\tpath = ${touch}\n[filter "evil"]\n\tsmudge = ${touch}\n[core]\n\tsshCommand = ${touch}\n`,
      }),
      "big.git",
    );
    const finish = await checkedOut(server.url("big.git"), { lfs: true });
    for (const name of ["filter.evil.clean", "filter.lfs.clean", "filter.lfs.process", "lfs.customtransfer.evil.path"])
      runGit(paths.repo, "config", name, touch);
    runGit(paths.repo, "config", "lfs.standalonetransferagent", "evil");
    writeFiles(paths.repo, { "big.bin": "big", "b.txt": "b\n" });
    rmSync(canary, { force: true });
    expect(await finish()).toMatchObject({ pushed: true });
    expect(existsSync(canary)).toBe(false);
  });

  test("says to install git-lfs on a node without it", async () => {
    const bin = join(root, "bin");
    mkdirSync(bin);
    const git = (process.env["PATH"] ?? "").split(delimiter).find((directory) => existsSync(join(directory, "git")));
    symlinkSync(join(git ?? "", "git"), join(bin, "git"));
    const before = process.env["PATH"];
    vi.stubEnv("PATH", bin);
    const made = await checkOut(makeRepositoryBefore(before), { lfs: true });
    vi.stubEnv("PATH", before);
    expect(made).toMatchObject({ ok: false, error: { code: "lfs_missing", message: /git-lfs is not installed/ } });
  });
  function makeRepositoryBefore(path: string | undefined): string {
    const now = process.env["PATH"];
    vi.stubEnv("PATH", path);
    const made = makeRepository(join(root, "plain"));
    vi.stubEnv("PATH", now);
    return made;
  }
});

describe("hooks", () => {
  const logCall = (file: string, more = "") => `#!/bin/sh\necho "$0 $*" >> ${file}\n${more}\n`;
  function plant(directory: string, name: string, script: string): void {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, name), script);
    chmodSync(join(directory, name), 0o755);
  }

  /** Hooks in a directory of the checkout that the repository's settings name, as its setup would install them. */
  async function withHooks(hooks: boolean, scripts: Readonly<Record<string, string>>) {
    serve(makeRepository(join(root, "seed")), "tea.git");
    server.rules.access = "public-read";
    const finish = await checkedOut(server.url("tea.git"), { hooks });
    for (const [name, script] of Object.entries(scripts)) plant(join(paths.repo, ".husky"), name, script);
    runGit(paths.repo, "config", "core.hooksPath", ".husky");
    writeFiles(paths.repo, { "b.txt": "b\n" });
    return finish;
  }

  test("run at Samovar's commit and push if the project asks, run again at a repeated finish, and get no login", async () => {
    const log = join(root, "log");
    const scripts = {
      "pre-commit": logCall(log, `env >> ${log}`),
      "commit-msg": logCall(log, 'printf "\\nSigned: tea\\n" >> "$1"'),
      "pre-push": logCall(log, `env >> ${log}; cat >> ${log}`),
    };
    const finish = await withHooks(true, scripts);
    expect(await finish()).toMatchObject({ pushed: true, commits: [{ subject: "Leftovers" }] });
    const head = runGit(paths.repo, "rev-parse", "HEAD");
    expect(runGit(paths.repo, "log", "-1", "--format=%B")).toContain("Signed: tea");
    const seen = readFileSync(log, "utf8");
    expect(seen).toContain(".husky/pre-commit");
    expect(seen).toContain(`.husky/pre-push origin ${server.url("tea.git")}`);
    expect(seen).toContain(`HEAD ${head} refs/heads/task/a ${"0".repeat(40)}`);
    expect(seen).not.toContain(server.rules.password);

    rmSync(log);
    writeFiles(paths.repo, { "c.txt": "c\n" });
    expect(await finish()).toMatchObject({ pushed: true });
    expect(readFileSync(log, "utf8")).toContain(".husky/pre-commit");
  });

  test("do not run otherwise", async () => {
    const log = join(root, "log");
    const finish = await withHooks(false, {
      "pre-commit": logCall(log),
      "pre-push": logCall(log),
      "post-commit": logCall(log),
    });
    expect(await finish()).toMatchObject({ pushed: true });
    expect(existsSync(log)).toBe(false);
  });

  test("[F41] have their refusal reported in their words, and the work is kept", async () => {
    const refusing = await withHooks(true, { "pre-commit": "#!/bin/sh\necho 'lint: too sweet' >&2\nexit 1\n" });
    expect(await refusing()).toMatchObject({
      pushed: false,
      commits: [],
      pushError: /hooks refused.*lint: too sweet/s,
    });
    expect(existsSync(join(paths.repo, "b.txt"))).toBe(true);
  });

  test("[F41] reject the push when pre-push refuses", async () => {
    const refusing = await withHooks(true, { "pre-push": "#!/bin/sh\necho 'tests fail'\nexit 1\n" });
    expect(await refusing()).toMatchObject({
      pushed: false,
      commits: [{ subject: "Leftovers" }],
      pushError: /pre-push hook refused: tests fail/,
    });
    expect(runGit(join(base, "served", "tea.git"), "branch", "--list", "task/*")).toBe("");
  });
});
