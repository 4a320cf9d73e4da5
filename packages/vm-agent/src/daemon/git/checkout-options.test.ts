/** Submodules, Git LFS and hooks: off unless the project asks, and nothing else runs when it does. */
import { ok } from "@samovar/base";
import type { CheckoutOptions } from "@samovar/contracts";
import { PLAIN_CHECKOUT } from "@samovar/contracts";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { CheckoutPlaces } from "./clone.ts";
import { cloneRepository } from "./clone.ts";
import { finishCheckout } from "./finish.ts";
import {
  cloneOf,
  gitBy,
  makeDirectory,
  makeRepository,
  neverAborted,
  placesIn,
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
let places: CheckoutPlaces;
beforeEach(() => {
  root = makeDirectory();
  places = placesIn(join(root, "w"));
  server.open();
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
  rmSync(join(base, "served"), { recursive: true, force: true });
});

const login = async () => ok(server.login());

async function checkOut(repoUrl: string, options: Partial<CheckoutOptions>) {
  const input = cloneOf(repoUrl, { checkout: { ...PLAIN_CHECKOUT, ...options } });
  return cloneRepository(input, places, { signal: neverAborted(), askLogin: login });
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
  return () => finishCheckout(input, places, { signal: neverAborted(), askLogin: login, timeoutMs: 60_000 });
}

/** Bare, where the https server serves it; and as a directory for the test to push to. */
function serve(seed: string, name: string): string {
  const bare = join(base, "served", name);
  gitBy(root, "clone", "--quiet", "--bare", seed, bare);
  return bare;
}

describe("submodules", () => {
  /** `outer` holds `inner`, which holds `innermost`. */
  function nested(urlOf: (name: string) => string): void {
    const add = (directory: string, name: string) => {
      gitBy(directory, "-c", "protocol.file.allow=always", "clone", "--quiet", join(base, "served", name), name);
      gitBy(directory, "-c", "advice.addEmbeddedRepo=false", "add", name);
      writeFiles(directory, { ".gitmodules": `[submodule "${name}"]\n\tpath = ${name}\n\turl = ${urlOf(name)}\n` });
      gitBy(directory, "add", ".gitmodules");
      gitBy(directory, "commit", "--quiet", "--message=Submodule");
    };
    serve(makeRepository(join(root, "innermost"), { "deep.txt": "deep\n" }), "innermost");
    add(makeRepository(join(root, "inner"), { "inner.txt": "inner\n" }), "innermost");
    serve(join(root, "inner"), "inner");
    add(makeRepository(join(root, "outer")), "inner");
    serve(join(root, "outer"), "outer");
  }

  test("come whole when the project asks, over https with the same login; not otherwise", async () => {
    nested((name) => server.url(name));
    server.rules.closed = "everybody";
    await checkedOut(server.url("outer"), {});
    expect(existsSync(join(places.repo, "inner/inner.txt"))).toBe(false);
    await checkedOut(server.url("outer"), { submodules: true });
    expect(readFileSync(join(places.repo, "inner/innermost/deep.txt"), "utf8")).toBe("deep\n");
  });

  test("[R14] a newer commit of one that its remote has is committed; one that it has not is told", async () => {
    nested((name) => server.url(name));
    const finish = await checkedOut(server.url("outer"), { submodules: true });
    const inner = join(places.repo, "inner");
    writeFiles(inner, { "more.txt": "more\n" });
    gitBy(inner, "add", "--all");
    gitBy(inner, "commit", "--quiet", "--message=More");
    expect((await finish()).warning).toMatch(/only the workspace has: inner\./);
    gitBy(inner, "push", "--quiet", join(base, "served", "inner"), "HEAD:refs/heads/more");
    gitBy(inner, "update-ref", "refs/remotes/origin/more", "HEAD");
    expect(await finish()).toMatchObject({ pushed: true, warning: null, diffStat: { files: 1 } });
    expect(gitBy(join(base, "served", "outer"), "rev-parse", "task/a:inner")).toBe(gitBy(inner, "rev-parse", "HEAD"));
  });

  test.each(["ext::sh -c touch% CANARY", "file://CANARY", "CANARY-repo", "-u./CANARY"])(
    "[security 17, 21] of a remote, one at %s is fetched from nowhere and starts nothing",
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

  /** Stores one big file by way of a first task, and makes it part of `main`. */
  async function withBigFile(): Promise<string> {
    const bare = serve(makeRepository(join(root, "seed"), attributes), "big.git");
    const finish = await checkedOut(server.url("big.git"), { lfs: true });
    writeFiles(places.repo, { "big.bin": "a very big file" });
    expect(await finish()).toMatchObject({ branch: "task/a", pushed: true, warning: null });
    gitBy(bare, "update-ref", "refs/heads/main", "task/a");
    gitBy(bare, "update-ref", "-d", "refs/heads/task/a");
    return bare;
  }

  test("when the project asks, files are fetched and handed over with the login, and the agent's git writes pointers", async () => {
    server.rules.closed = "everybody";
    const bare = await withBigFile();
    expect([...server.lfsObjects.values()].map(String)).toEqual(["a very big file"]);
    expect(pointer(gitBy(bare, "show", "main:big.bin"))).toBe(true);

    const finish = await checkedOut(server.url("big.git"), { lfs: true });
    expect(readFileSync(join(places.repo, "big.bin"), "utf8")).toBe("a very big file");
    writeFiles(places.repo, { "other.bin": "another one" });
    gitBy(places.repo, "add", "--all");
    gitBy(places.repo, "commit", "--quiet", "--message=By the agent");
    expect(await finish()).toMatchObject({ pushed: true, commits: [{ subject: "By the agent" }] });
    expect(pointer(gitBy(bare, "show", "task/a:other.bin"))).toBe(true);
    expect([...server.lfsObjects.values()].map(String)).toContain("another one");
  });

  test("otherwise a file stays the pointer that it is, and goes back as such", async () => {
    await withBigFile();
    const finish = await checkedOut(server.url("big.git"), {});
    expect(pointer(readFileSync(join(places.repo, "big.bin"), "utf8"))).toBe(true);
    writeFiles(places.repo, { "b.txt": "b\n" });
    expect(await finish()).toMatchObject({ pushed: true, diffStat: { files: 1 } });
  });

  test("[F41] files that the host does not take are a push that is refused", async () => {
    serve(makeRepository(join(root, "seed"), attributes), "big.git");
    const finish = await checkedOut(server.url("big.git"), { lfs: true });
    writeFiles(places.repo, { "big.bin": "a very big file" });
    server.rules.before = (kind) => (kind === "lfs" ? 403 : undefined);
    const outputs = await finish();
    expect(outputs).toMatchObject({ pushed: false, commits: [{ subject: "Leftovers" }] });
    expect(outputs.pushError).toContain("Git LFS could not hand over its files");
  });

  test("[security 21] nothing but LFS's own filter runs", async () => {
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
      gitBy(places.repo, "config", name, touch);
    gitBy(places.repo, "config", "lfs.standalonetransferagent", "evil");
    writeFiles(places.repo, { "big.bin": "big", "b.txt": "b\n" });
    rmSync(canary, { force: true });
    expect(await finish()).toMatchObject({ pushed: true });
    expect(existsSync(canary)).toBe(false);
  });

  test("a node without git-lfs says to install it", async () => {
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
  const tell = (file: string, more = "") => `#!/bin/sh\necho "$0 $*" >> ${file}\n${more}\n`;
  function plant(directory: string, name: string, script: string): void {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, name), script);
    chmodSync(join(directory, name), 0o755);
  }

  /** Hooks as a repository's own setup leaves them: in a directory of the checkout that its settings name. */
  async function withHooks(hooks: boolean, scripts: Readonly<Record<string, string>>) {
    serve(makeRepository(join(root, "seed")), "tea.git");
    server.rules.closed = "pushers";
    const finish = await checkedOut(server.url("tea.git"), { hooks });
    for (const [name, script] of Object.entries(scripts)) plant(join(places.repo, ".husky"), name, script);
    gitBy(places.repo, "config", "core.hooksPath", ".husky");
    writeFiles(places.repo, { "b.txt": "b\n" });
    return finish;
  }

  test("run at our commit and push when the project asks, again when we finish again, and get no login", async () => {
    const log = join(root, "log");
    const scripts = {
      "pre-commit": tell(log, `env >> ${log}`),
      "commit-msg": tell(log, 'printf "\\nSigned: tea\\n" >> "$1"'),
      "pre-push": tell(log, `env >> ${log}; cat >> ${log}`),
    };
    const finish = await withHooks(true, scripts);
    expect(await finish()).toMatchObject({ pushed: true, commits: [{ subject: "Leftovers" }] });
    const head = gitBy(places.repo, "rev-parse", "HEAD");
    expect(gitBy(places.repo, "log", "-1", "--format=%B")).toContain("Signed: tea");
    const seen = readFileSync(log, "utf8");
    expect(seen).toContain(".husky/pre-commit");
    expect(seen).toContain(`.husky/pre-push origin ${server.url("tea.git")}`);
    expect(seen).toContain(`HEAD ${head} refs/heads/task/a ${"0".repeat(40)}`);
    expect(seen).not.toContain(server.rules.password);

    rmSync(log);
    writeFiles(places.repo, { "c.txt": "c\n" });
    expect(await finish()).toMatchObject({ pushed: true });
    expect(readFileSync(log, "utf8")).toContain(".husky/pre-commit");
  });

  test("do not run otherwise", async () => {
    const log = join(root, "log");
    const finish = await withHooks(false, { "pre-commit": tell(log), "pre-push": tell(log), "post-commit": tell(log) });
    expect(await finish()).toMatchObject({ pushed: true });
    expect(existsSync(log)).toBe(false);
  });

  test("[F41] one that refuses is told in its own words, and the work stays", async () => {
    const refusing = await withHooks(true, { "pre-commit": "#!/bin/sh\necho 'lint: too sweet' >&2\nexit 1\n" });
    expect(await refusing()).toMatchObject({
      pushed: false,
      commits: [],
      pushError: /hooks refused.*lint: too sweet/s,
    });
    expect(existsSync(join(places.repo, "b.txt"))).toBe(true);
  });

  test("[F41] a pre-push that refuses is a push that is refused", async () => {
    const refusing = await withHooks(true, { "pre-push": "#!/bin/sh\necho 'tests fail'\nexit 1\n" });
    expect(await refusing()).toMatchObject({
      pushed: false,
      commits: [{ subject: "Leftovers" }],
      pushError: /pre-push hook refused: tests fail/,
    });
    expect(gitBy(join(base, "served", "tea.git"), "branch", "--list", "task/*")).toBe("");
  });
});
