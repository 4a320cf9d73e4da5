/** Finishing a run with real git: what is committed, what is pushed, and what a hostile checkout can do. */
import { ok } from "@samovar/base";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { CheckoutPaths } from "./checkout-paths.ts";
import type { FinishInput } from "./finish.ts";
import { finishCheckout, NO_OUTPUTS } from "./finish.ts";
import { createFinishPorts, runGit, makeCheckout, makeDirectory, writeFiles } from "./repositories.testing.ts";

let root: string;
let origin: string;
let paths: CheckoutPaths;
let input: FinishInput;

beforeEach(async () => {
  root = makeDirectory();
  ({ origin, paths, input } = await makeCheckout(
    root,
    { "README.md": "# Tea\n", "sub/a.txt": "a\n" },
    "Fix the tea\n\nTask 1",
  ));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const finish = (more: Partial<FinishInput> = {}) => finishCheckout({ ...input, ...more }, paths, createFinishPorts());

function commitInCheckout(file: string, message: string): string {
  writeFiles(paths.repo, { [file]: message });
  runGit(paths.repo, "add", "--all");
  runGit(paths.repo, "commit", "--quiet", `--message=${message}`);
  return runGit(paths.repo, "rev-parse", "HEAD");
}

test("[R14] commits the agent's leftovers with Samovar's identity and pushes them with the agent's commits", async () => {
  const first = commitInCheckout("b.txt", "Own commit");
  writeFiles(paths.repo, { "README.md": "# Tea\nmilk\n", "new/c.txt": "c\n" });
  const outputs = await finish();
  const tip = runGit(origin, "rev-parse", "task/a");
  expect(outputs).toEqual({
    branch: "task/a",
    commits: [
      { sha: first, subject: "Own commit" },
      { sha: tip, subject: "Fix the tea" },
    ],
    diffStat: { files: 3, insertions: 3, deletions: 0 },
    pushed: true,
    pushError: null,
    bundle: null,
    warning: null,
  });
  expect(runGit(origin, "show", "--no-patch", "--format=%an <%ae>", "task/a")).toBe("Samovar <samovar@localhost>");
});

test("[F5] makes one commit and one branch when it finishes twice", async () => {
  writeFiles(paths.repo, { "b.txt": "b\n" });
  const first = await finish();
  expect(await finish()).toEqual(first);
  expect(runGit(origin, "branch", "--format=%(refname:short)").split("\n").toSorted()).toEqual(["main", "task/a"]);
});

test("pushes nothing and reports no error when nothing changed", async () => {
  expect(await finish()).toEqual(NO_OUTPUTS);
  expect(runGit(origin, "branch", "--list", "task/*")).toBe("");
});

test("[F42] leaves alone a branch that appeared meanwhile", async () => {
  const theirs = runGit(origin, "rev-parse", "main");
  runGit(origin, "branch", "task/a");
  writeFiles(paths.repo, { "b.txt": "b\n" });
  expect(await finish()).toMatchObject({ branch: "task/a-2", pushed: true });
  expect(runGit(origin, "rev-parse", "task/a")).toBe(theirs);
});

test("[F42] continues a branch that the agent pushed", async () => {
  commitInCheckout("b.txt", "Pushed by the agent");
  runGit(paths.repo, "push", "--quiet", "origin", "HEAD");
  writeFiles(paths.repo, { "c.txt": "c\n" });
  expect(await finish()).toMatchObject({
    branch: "task/a",
    pushed: true,
    commits: [{ subject: "Pushed by the agent" }, { subject: "Fix the tea" }],
  });
});

test("[F41] keeps the work and gives the reason when the push is rejected", async () => {
  writeFileSync(join(origin, "hooks/pre-receive"), "#!/bin/sh\necho 'no tea today' >&2\nexit 1\n");
  chmodSync(join(origin, "hooks/pre-receive"), 0o755);
  writeFiles(paths.repo, { "b.txt": "b\n" });
  const outputs = await finish();
  expect(outputs).toMatchObject({ branch: null, pushed: false, commits: [{ subject: "Fix the tea" }] });
  expect(outputs.pushError).toContain("no tea today");
});

test("[F41] keeps the work and gives the reason when the repository is gone", async () => {
  writeFiles(paths.repo, { "b.txt": "b\n" });
  rmSync(origin, { recursive: true });
  expect(await finish()).toMatchObject({
    pushed: false,
    commits: [{ subject: "Fix the tea" }],
    pushError: expect.stringContaining("no directory"),
  });
});

test("commits and pushes only if requested", async () => {
  writeFiles(paths.repo, { "b.txt": "b\n" });
  expect(await finish({ commit: false })).toMatchObject({ commits: [], pushed: false });
  expect(await finish({ push: false })).toMatchObject({
    commits: [{ subject: "Fix the tea" }],
    pushed: false,
    pushError: null,
  });
  expect(runGit(origin, "branch", "--list", "task/*")).toBe("");
});

test("returns a push error for a checkout without .git", async () => {
  rmSync(join(paths.repo, ".git"), { recursive: true });
  expect(await finish()).toMatchObject({ pushed: false, pushError: expect.stringContaining(".git") });
});

test("[security 21, 27] starts none of the git settings, hooks and filters that the agent planted", async () => {
  const canary = join(root, "canary");
  const touch = `sh -c 'touch ${canary}'`;
  const gitDir = join(paths.repo, ".git");
  mkdirSync(join(gitDir, "hooks"), { recursive: true });
  for (const hook of [
    "pre-commit",
    "commit-msg",
    "post-commit",
    "prepare-commit-msg",
    "pre-push",
    "post-index-change",
    "reference-transaction",
  ]) {
    writeFileSync(join(gitDir, "hooks", hook), `#!/bin/sh\ntouch ${canary}\n`);
    chmodSync(join(gitDir, "hooks", hook), 0o755);
  }
  const settings: readonly (readonly [string, string])[] = [
    ["core.hooksPath", join(gitDir, "hooks")],
    ["core.fsmonitor", touch],
    ["core.sshCommand", touch],
    ["core.pager", touch],
    ["core.editor", touch],
    ["diff.external", touch],
    ["filter.evil.clean", touch],
    ["filter.evil.process", touch],
    ["credential.helper", `!${touch}`],
    ["gpg.program", touch],
    ["commit.gpgSign", "true"],
    ["remote.origin.receivepack", touch],
    ["remote.origin.pushurl", `ext::${touch}`],
    [`url.ext::${touch} #.insteadOf`, origin],
    ["extensions.worktreeConfig", "true"],
  ];
  writeFiles(paths.repo, { ".gitattributes": "* filter=evil diff=evil\n", "b.txt": "b\n" });
  for (const [name, value] of settings) runGit(paths.repo, "config", "--local", name, value);
  writeFileSync(join(gitDir, "config.worktree"), `[core]\n\tfsmonitor = ${touch}\n`);
  mkdirSync(join(gitDir, "info"), { recursive: true });
  writeFileSync(join(gitDir, "info/attributes"), "* filter=evil\n");
  rmSync(canary, { force: true });

  expect(await finish()).toMatchObject({ branch: "task/a", pushed: true });

  expect(existsSync(canary)).toBe(false);
});

test("[S1] commits and compares without the login: even a program that git is made to start there does not see it", async () => {
  const seen = join(root, "environment.txt");
  // As if the agent had reached the settings that were saved at the clone.
  runGit(root, "config", "--file", paths.trustedConfig, "filter.evil.clean", `sh -c "env > '${seen}'; cat"`);
  writeFiles(paths.repo, { ".gitattributes": "* filter=evil\n", "b.txt": "b\n" });
  const login = { host: "127.0.0.1:1", username: "tea", password: "the-password-of-the-test" };
  const outputs = await finishCheckout(
    { ...input, repoUrl: "https://127.0.0.1:1/tea.git" },
    paths,
    createFinishPorts({ requestLogin: async () => ok(login) }),
  );
  expect(outputs).toMatchObject({ commits: [{ subject: "Fix the tea" }], pushed: false });
  expect(readFileSync(seen, "utf8")).toContain("GIT_DIR=");
  expect(readFileSync(seen, "utf8")).not.toContain(login.password);
});
