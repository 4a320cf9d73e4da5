/** Looks at the repository that a task is for, before anything is submitted: with git itself. */
import { execFile } from "node:child_process";
import { realpath, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { branchName, repoUrl } from "@samovar/contracts";
import { CliError } from "../client/errors.ts";

export interface Repository {
  /** As the control plane is told: an address, or an absolute path. */
  readonly url: string;
  /** A name for its project. */
  readonly name: string;
  /** Null: the repository's own default branch. */
  readonly baseBranch: string | null;
  /** What a person should know, though the task can run. */
  readonly warnings: readonly string[];
}

/** `given`: a path or an address. `base`: the branch to start from, if one was named. Throws {@link CliError}. */
export async function inspectRepository(given: string, base: string | undefined, cwd: string): Promise<Repository> {
  const baseBranch = base === undefined ? null : usableBranch(base);
  return isAddress(given) ? remoteRepository(given, baseBranch) : localRepository(resolve(cwd, given), baseBranch);
}

export function isAddress(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text) || /^[\w.-]+@[\w.-]+:/.test(text);
}

function remoteRepository(given: string, baseBranch: string | null): Repository {
  const parsed = repoUrl.safeParse(given);
  if (!parsed.success) {
    throw new CliError(
      "This is no address of a repository that Samovar can clone.",
      parsed.error.issues[0]?.message ?? null,
    );
  }
  const name = basename(parsed.data.replace(/[/:]+$/, "").replaceAll(":", "/")).replace(/\.git$/, "");
  return { url: parsed.data, name: name || "repository", baseBranch, warnings: [] };
}

async function localRepository(path: string, base: string | null): Promise<Repository> {
  const found = await stat(path).catch(() => null);
  if (found === null)
    throw new CliError(
      `There is nothing at ${path}.`,
      "Give --repo the path of a git repository, or its https address.",
    );
  if (!found.isDirectory())
    throw new CliError(`${path} is no directory.`, "Give --repo the path of a git repository, or its https address.");
  const root = await rootOf(path);
  const git = (...args: string[]) => runGit(root.path, args);
  if (!(await git("rev-parse", "--verify", "--quiet", "HEAD^{commit}")).ok && !(await hasAnyCommit(git))) {
    throw new CliError(
      `The repository at ${root.path} has no commit yet.`,
      "Make a first commit; the task starts from it.",
    );
  }
  const baseBranch = base ?? (await currentBranch(git, root.path));
  if (!(await git("rev-parse", "--verify", "--quiet", `refs/heads/${baseBranch}^{commit}`)).ok) {
    throw new CliError(
      `The repository at ${root.path} has no branch ${baseBranch}.`,
      "Name one that it has with --base BRANCH.",
    );
  }
  const name = basename(root.path).replace(/\.git$/, "") || "repository";
  return { url: root.path, name, baseBranch, warnings: root.bare ? [] : await dirtWarnings(git) };
}

async function rootOf(path: string): Promise<{ path: string; bare: boolean }> {
  const bare = await runGit(path, ["rev-parse", "--is-bare-repository"]);
  if (!bare.ok) {
    if (/dubious ownership/.test(bare.error))
      throw new CliError(`git does not trust ${path}: it belongs to another user.`, firstHint(bare.error));
    throw new CliError(
      `${path} is not in a git repository.`,
      "Run `git init` there and make a first commit, or give --repo another path.",
    );
  }
  const isBare = bare.output.trim() === "true";
  const root = await runGit(path, ["rev-parse", isBare ? "--absolute-git-dir" : "--show-toplevel"]);
  if (!root.ok)
    throw new CliError(`${path} is inside a repository's .git directory.`, "Give --repo the repository itself.");
  return { path: await realpath(root.output.replace(/\n$/, "")), bare: isBare };
}

async function hasAnyCommit(git: Git): Promise<boolean> {
  return (await git("for-each-ref", "--count=1", "refs/heads")).output.trim() !== "";
}

async function currentBranch(git: Git, path: string): Promise<string> {
  const head = await git("symbolic-ref", "--quiet", "--short", "HEAD");
  if (!head.ok) {
    throw new CliError(
      `The repository at ${path} is on no branch (detached HEAD).`,
      "Name the branch to start from with --base BRANCH.",
    );
  }
  return usableBranch(head.output.trim());
}

async function dirtWarnings(git: Git): Promise<string[]> {
  const status = await git("status", "--porcelain", "-z", "--untracked-files=normal", "--ignore-submodules");
  if (!status.ok) return [];
  const entries = status.output.split("\0").filter((entry) => /^[ MADRCUT?!]{2} /.test(entry));
  if (entries.length === 0) return [];
  const names = entries
    .slice(0, 3)
    .map((entry) => entry.slice(3))
    .join(", ");
  const more = entries.length > 3 ? ` and ${entries.length - 3} more` : "";
  return [`Not committed, so the task will not see it: ${names}${more}`];
}

function usableBranch(name: string): string {
  const parsed = branchName.safeParse(name);
  if (parsed.success) return parsed.data;
  throw new CliError(
    `Samovar cannot start from a branch named ${JSON.stringify(name)}.`,
    "Name another with --base BRANCH.",
  );
}

type GitAnswer = { readonly ok: boolean; readonly output: string; readonly error: string };
type Git = (...args: string[]) => Promise<GitAnswer>;

/** Only reads: no hook, monitor or prompt of the repository is started. */
function runGit(directory: string, args: readonly string[]): Promise<GitAnswer> {
  const safe = ["-C", directory, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"];
  const env = { ...withoutGitVariables(process.env), LC_ALL: "C", GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0" };
  return new Promise((resolve, reject) => {
    execFile(
      "git",
      [...safe, ...args],
      { env, maxBuffer: 16 * 1024 * 1024, timeout: 30_000 },
      (error, output, stderr) => {
        if (error !== null && error.code === "ENOENT") {
          return reject(new CliError("git is not installed, or not on the PATH.", "Install git and try again."));
        }
        resolve({ ok: error === null, output, error: stderr });
      },
    );
  });
}

/** A hook that calls `samovar` must not lead git to another repository than the one that was named. */
function withoutGitVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^GIT_(DIR|WORK_TREE|INDEX_FILE|COMMON_DIR|PREFIX)$/.test(name)),
  );
}

function firstHint(text: string): string | null {
  return /git config --global --add safe\.directory \S+/.exec(text)?.[0] ?? null;
}
