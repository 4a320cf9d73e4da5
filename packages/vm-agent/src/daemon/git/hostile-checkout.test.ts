/** What an agent can plant in its checkout, its home and around, and that none of it reaches the git that has a login. */
import { ok } from "@samovar/base";
import { NO_LIMITS } from "@samovar/contracts";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { execFileSync } from "node:child_process";
import { reportOmission, VM_AGENT_BUNDLE } from "@samovar/testing";
import { startTestEngine, type TestEngine } from "@samovar/testing/docker-engine";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { chooseRuntime, type RuntimeChoice } from "../../runtime/choose-runtime.ts";
import { readWorkspaceDiff } from "../workspaces/workspace-diff.ts";
import type { CheckoutPaths } from "./checkout-paths.ts";
import { getCheckoutOptions, withCheckoutShell } from "./checkout-shell.ts";
import { getCleanOptions, importCommits } from "./clean-repository.ts";
import type { FinishInput, FinishPorts } from "./finish.ts";
import { bundleCheckout, finishCheckout } from "./finish.ts";
import {
  createFinishPorts,
  createSignal,
  makeCheckout,
  makeDirectory,
  makeRepository,
  PROCESS_RUNTIME,
  runGit,
  writeFiles,
} from "./repositories.testing.ts";
import { startGitService } from "./servers.testing.ts";

vi.setConfig({ testTimeout: 60_000 });

const SANDBOX = await chooseRuntime({ mode: "sandbox", readOnlyPaths: [] }, "/nonexistent", process.env);
const engine = await startTestEngine();
const DOCKER = typeof engine === "string" ? null : await chooseDocker(engine);
const runtimes = [PROCESS_RUNTIME, SANDBOX, DOCKER].flatMap((each) =>
  each === null || each.kind === "unavailable" ? [] : [each],
);
const walls = runtimes.filter(({ kind }) => kind !== "process");

function chooseDocker({ address, image }: TestEngine): Promise<RuntimeChoice> {
  const env = { ...process.env, DOCKER_HOST: address ?? undefined };
  return chooseRuntime({ mode: "docker", readOnlyPaths: [], docker: { image } }, "/nonexistent", env, {
    module: VM_AGENT_BUNDLE,
  });
}

afterAll(async () => {
  if (typeof engine !== "string") return engine.stop();
  const tests = 2 + 1 + Object.keys(REDIRECTIONS).length + 3;
  reportOmission({ what: "git on checkouts in docker containers", tests, reason: engine });
});

let root: string;
let origin: string;
let paths: CheckoutPaths;
let input: FinishInput;

beforeEach(async () => {
  root = makeDirectory();
  ({ origin, paths, input } = await makeCheckout(root, { "README.md": "# Tea\n" }, "Leftovers"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});

const finish = (ports: Partial<FinishPorts> = {}, more: Partial<FinishInput> = {}) =>
  finishCheckout({ ...input, ...more }, paths, createFinishPorts(ports));

describe.each(runtimes)("a finish in the $kind runtime", (runtime) => {
  test("[R14] [R48] commits in the workspace, and pushes and bundles from the clean repository", async () => {
    writeFiles(paths.repo, { "it's $(a) name\nof two lines": "b\n" });
    const outputs = await finish({ runtime });
    expect(outputs).toMatchObject({ branch: "task/a", pushed: true, diffStat: { files: 1, insertions: 1 } });
    expect(runGit(origin, "rev-parse", "task/a")).toBe(runGit(paths.repo, "rev-parse", "HEAD"));
    expect(await bundleCheckout(input, paths, createSignal())).toMatchObject({ ok: true });
    runGit(origin, "fetch", "--quiet", paths.bundle, "task/a:brought");
    expect(runGit(origin, "rev-parse", "brought")).toBe(runGit(paths.repo, "rev-parse", "HEAD"));
    expect(await finish({ runtime })).toEqual(outputs);
  });

  test("runs the hooks that the project asks for in the workspace", async () => {
    const script = '#!/bin/sh\npwd >>"$HOME/hooks.log"; cat >>"$HOME/hooks.log"\n';
    for (const hook of ["pre-commit", "pre-push"]) {
      mkdirSync(join(paths.repo, ".git/hooks"), { recursive: true });
      writeFileSync(join(paths.repo, ".git/hooks", hook), script, { mode: 0o755 });
    }
    writeFiles(paths.repo, { "b.txt": "b\n" });
    expect(await finish({ runtime }, { checkout: { ...input.checkout, hooks: true } })).toMatchObject({ pushed: true });
    const head = runGit(paths.repo, "rev-parse", "HEAD");
    const place = runtime.kind === "process" ? paths.repo : "/workspace";
    const pushed = `HEAD ${head} refs/heads/task/a ${"0".repeat(40)}`;
    expect(readFileSync(join(paths.home, "hooks.log"), "utf8")).toBe(`${place}\n${place}\n${pushed}\n`);
  });
});

/** Of this test's processes alone. */
const SECONDS = 50_000 + (process.pid % 10_000);
const countProcesses = (seconds: number) =>
  readdirSync("/proc").filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "latin1") === `sleep\0${seconds}\0`;
    } catch {
      return false;
    }
  }).length;

test.each(runtimes)(
  "[R48] a hook that passes the workspace's limits in the $kind runtime is ended, with all it started",
  async (runtime) => {
    mkdirSync(join(paths.repo, ".git/hooks"), { recursive: true });
    const bomb = `#!/bin/sh\nfor i in $(seq 300); do sleep ${SECONDS} & done; wait\n`;
    writeFileSync(join(paths.repo, ".git/hooks/pre-commit"), bomb, { mode: 0o755 });
    writeFiles(paths.repo, { "b.txt": "b\n" });
    const limits = { ...NO_LIMITS, processes: 100 };
    const outputs = await finish({ runtime, limits }, { checkout: { ...input.checkout, hooks: true } });
    expect(outputs).toMatchObject({ pushed: false, commits: [] });
    // The kernel refused the hook's processes, or the watch ended it.
    expect(outputs.pushError).toMatch(/hooks refused.*fork|WORKSPACE_MAX_PROCESSES/is);
    await vi.waitFor(() => expect(countProcesses(SECONDS)).toBe(0));
    expect(existsSync(join(paths.repo, "b.txt"))).toBe(true);
  },
);

test("[F48] a workspace without a clean repository, of an earlier vm-agent, is finished all the same", async () => {
  rmSync(paths.clean, { recursive: true });
  writeFiles(paths.repo, { "b.txt": "b\n" });
  expect(await finish()).toMatchObject({ branch: "task/a", pushed: true });
});

/** Ways to make git read another repository than the checkout. `other`: one with a secret; `repo`: the checkout. */
const REDIRECTIONS = {
  "alternate objects": (repo, other, secret) => {
    mkdirSync(join(repo, ".git/objects/info"), { recursive: true });
    writeFileSync(join(repo, ".git/objects/info/alternates"), `${join(other, ".git/objects")}\n`);
    writeFileSync(join(repo, ".git/refs/heads/task/a"), `${secret}\n`);
  },
  "a link to other objects": (repo, other, secret) => {
    rmSync(join(repo, ".git/objects"), { recursive: true });
    symlinkSync(join(other, ".git/objects"), join(repo, ".git/objects"));
    writeFileSync(join(repo, ".git/refs/heads/task/a"), `${secret}\n`);
  },
  "a .git that is a link": (repo, other) => {
    rmSync(join(repo, ".git"), { recursive: true });
    symlinkSync(join(other, ".git"), join(repo, ".git"));
  },
  "a .git file": (repo, other) => {
    rmSync(join(repo, ".git"), { recursive: true });
    writeFileSync(join(repo, ".git"), `gitdir: ${join(other, ".git")}\n`);
  },
  "a common directory": (repo, other) => writeFileSync(join(repo, ".git/commondir"), `${join(other, ".git")}\n`),
  "a ref that is a link": (repo, other) => {
    rmSync(join(repo, ".git/refs/heads/task/a"));
    symlinkSync(join(other, ".git/refs/heads/main"), join(repo, ".git/refs/heads/task/a"));
  },
  "settings with another work tree": (repo, other) => runGit(repo, "config", "core.worktree", other),
  "an included file": (repo, other) => runGit(repo, "config", "include.path", join(other, ".git/config")),
} satisfies Record<string, (repo: string, other: string, secret: string) => unknown>;

describe.each(walls)("in the $kind, what an agent leaves", (runtime) => {
  test.each(Object.entries(REDIRECTIONS))(
    "[security 21, 28] leads git to no other repository: %s",
    async (_name, redirect) => {
      const other = makeRepository(join(root, "other"), { "secret.txt": "the secret\n" });
      const secret = runGit(other, "rev-parse", "HEAD");
      writeFiles(paths.repo, { "b.txt": "b\n" });
      redirect(paths.repo, other, secret);
      const outputs = await finish({ runtime });
      expect(() => runGit(origin, "cat-file", "-e", secret)).toThrow();
      expect(outputs.pushed ? runGit(origin, "ls-tree", "--name-only", "task/a") : "").not.toContain("secret");
      expect(outputs.pushed || /could not be finished/.test(outputs.pushError ?? "")).toBe(true);
      const seen = await readWorkspaceDiff({
        paths,
        runtime,
        limits: NO_LIMITS,
        baseCommit: input.baseCommit,
        signal: createSignal(),
      });
      expect(JSON.stringify(seen)).not.toContain("the secret");
      expect(runGit(other, "rev-parse", "HEAD")).toBe(secret);
    },
  );

  test("[security 21] starts filters in the workspace only, even from settings that it could not write", async () => {
    const canary = join(root, "canary");
    const filter = `sh -c 'touch ${canary}; echo ran >>"$HOME/filter.log"; cat'`;
    runGit(root, "config", "--file", paths.trustedConfig, "filter.evil.clean", filter);
    writeFiles(paths.repo, { ".gitattributes": "* filter=evil\n", "b.txt": "b\n" });
    expect(await finish({ runtime })).toMatchObject({ pushed: true });
    expect(readFileSync(join(paths.home, "filter.log"), "utf8")).toContain("ran");
    expect(existsSync(canary)).toBe(false);
  });

  test("[security 21] is never git itself: not a planted program on the node's PATH", async () => {
    const bin = join(root, "opt/samovar/bin");
    const canary = join(root, "canary");
    const real = execFileSync("which", ["git"], { encoding: "utf8" }).trim();
    mkdirSync(bin, { recursive: true });
    for (const name of ["git", "git-remote-https", "ssh"]) {
      writeFileSync(join(bin, name), `#!/bin/sh\ntouch ${canary}\nexec ${real} "$@"\n`);
      chmodSync(join(bin, name), 0o755);
    }
    vi.stubEnv("SAMOVAR_ROOT", root);
    vi.stubEnv("PATH", `${bin}${delimiter}${process.env["PATH"] ?? ""}`);
    writeFiles(paths.repo, { "b.txt": "b\n" });
    expect(await finish({ runtime })).toMatchObject({ pushed: true });
    expect(existsSync(canary)).toBe(false);
    runGit(root, "version");
    expect(existsSync(canary), "the planted program works for who starts it").toBe(true);
  });

  test("[security 22] shows and commits no file that a hard link brings in and its user may not read", async () => {
    const foreign = join(root, "foreign");
    writeFileSync(foreign, "the secret\n", { mode: 0o600 });
    if (process.getuid?.() !== 0) return expect(() => linkSync("/etc/shadow", join(paths.repo, "x"))).toThrow();
    chownSync(foreign, 12_345, 12_345);
    linkSync(foreign, join(paths.repo, "b.txt"));
    const seen = await readWorkspaceDiff({
      paths,
      runtime,
      limits: NO_LIMITS,
      baseCommit: input.baseCommit,
      signal: createSignal(),
    });
    expect(JSON.stringify(seen)).not.toContain("the secret");
    const outputs = await finish({ runtime });
    expect(outputs).toMatchObject({ pushed: false, commits: [], pushError: /Permission denied/ });
    expect(outputs.pushError).not.toContain("the secret");
  });
});

describe("the clean repository", () => {
  test("[security 21] takes no damaged or dangerous object", async () => {
    const blob = runGit(paths.repo, "rev-parse", "HEAD:README.md");
    const listed = `100644 blob ${blob}\t.git\n`;
    const env = { ...process.env, GIT_CONFIG_NOSYSTEM: "1" };
    const tree = execFileSync("git", ["mktree"], { cwd: paths.repo, input: listed, encoding: "utf8", env }).trim();
    const commit = runGit(paths.repo, "commit-tree", "-p", "HEAD", "-m", "Dangerous", tree);
    runGit(paths.repo, "update-ref", "HEAD", commit);
    expect(await finish({}, { commit: false })).toMatchObject({
      pushed: false,
      pushError: /damaged or too large.*hasDotgit/s,
    });
    expect(runGit(origin, "branch", "--list", "task/*")).toBe("");
  });

  test("[R48] takes no more than its limit", async () => {
    writeFiles(paths.repo, { "b.txt": "b\n" });
    runGit(paths.repo, "add", "--all");
    runGit(paths.repo, "commit", "--quiet", "--message=B");
    const head = runGit(paths.repo, "rev-parse", "HEAD");
    const clean = getCleanOptions({ repoUrl: origin, lfs: false, signal: createSignal() }, paths);
    const { baseCommit } = input;
    await withCheckoutShell({ runtime: PROCESS_RUNTIME, limits: NO_LIMITS }, paths, async (shell) => {
      const take = (maxBytes: number) =>
        importCommits({ head, baseCommit }, getCheckoutOptions(shell, {}), clean, maxBytes);
      await expect(take(100)).rejects.toThrow(/too large.*exceeds/s);
      await take(10_000);
    });
    expect(runGit(clean.cwd, "show", `${head}:b.txt`)).toBe("b");
  });

  test("[security 28] is not visible in the sandbox, nor is anything of the workspace but checkout, home and /tmp", async () => {
    for (const runtime of walls) {
      const look = `test -e ${paths.clean} && echo seen; find /workspace /home /tmp /run -name repository.git; ls /workspace`;
      const found = await withCheckoutShell({ runtime, limits: NO_LIMITS }, paths, (shell) =>
        shell.run({ argv: ["sh", "-c", look], cwd: "/" }),
      );
      expect(found.stdout.toString()).toBe("README.md\n");
    }
    expect(existsSync(join(paths.clean, "repository.git/HEAD"))).toBe(true);
  });

  test("[security 28] has a separate home, so that git takes no password from the workspace's", async () => {
    const { base, server, stop } = await startGitService();
    renameSync(origin, join(base, "tea.git"));
    mkdirSync(join(base, "served"), { recursive: true });
    renameSync(join(base, "tea.git"), join(base, "served/tea.git"));
    server.open();
    server.rules.access = "private";
    writeFileSync(join(paths.home, ".netrc"), "machine 127.0.0.1 login agent password planted\n", { mode: 0o600 });
    writeFiles(paths.home, {
      ".config/git/config": "[user]\n\tname = Agent\n",
      ".gitconfig": "[http]\n\textraHeader = X\n",
    });
    writeFiles(paths.repo, { "b.txt": "b\n" });
    const requestLogin = async () => ok(server.login());
    const outputs = await finish({ requestLogin }, { repoUrl: server.url("tea.git") });
    stop();
    expect(outputs).toMatchObject({ pushed: true });
    expect(new Set(server.passwords)).toEqual(new Set([server.rules.password]));
  });
});
