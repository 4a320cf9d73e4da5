/** Inspects a task's repository with git before the task is submitted. */
import { execFile } from "node:child_process";
import { realpath, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { branchName, repoUrl } from "@samovar/contracts";
import { CliError } from "../client/errors.ts";

export interface Repository {
  /** What the control plane receives: a URL, or an absolute path. */
  readonly url: string;
  /** The name for a new project. */
  readonly name: string;
  /** Null: the repository's own default branch. */
  readonly baseBranch: string | null;
  /** What the user should know although the task can run. Takes git some time in a large repository. */
  readonly warnings: Promise<readonly string[]>;
}

/** Checks that decide whether the task can run have no timeout. */
const NO_LIMIT_MS = 0;
/** Scanning a large work tree can take minutes, more than a warning is worth. */
const WARNING_LIMIT_MS = 10_000;

/** `given`: a path or a URL. `base`: the branch to start from, if given. Throws {@link CliError}. */
export async function inspectRepository(given: string, base: string | undefined, cwd: string): Promise<Repository> {
  const baseBranch = base === undefined ? null : requireBranch(base);
  return isAddress(given) ? inspectRemote(given, baseBranch) : inspectLocal(resolve(cwd, given), baseBranch);
}

export function isAddress(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text) || /^[\w.-]+@[\w.-]+:/.test(text);
}

function inspectRemote(given: string, baseBranch: string | null): Repository {
  const parsed = repoUrl.safeParse(given);
  if (!parsed.success) {
    throw new CliError("Samovar cannot clone from this URL.", parsed.error.issues[0]?.message ?? null);
  }
  const name = basename(parsed.data.replace(/[/:]+$/, "").replaceAll(":", "/")).replace(/\.git$/, "");
  return { url: parsed.data, name: name || "repository", baseBranch, warnings: Promise.resolve([]) };
}

async function inspectLocal(path: string, base: string | null): Promise<Repository> {
  const found = await stat(path).catch(() => null);
  if (found === null)
    throw new CliError(`${path} does not exist.`, "Give --repo the path of a git repository, or its https URL.");
  if (!found.isDirectory())
    throw new CliError(`${path} is not a directory.`, "Give --repo the path of a git repository, or its https URL.");
  const git: Git = (...args) => runGit(path, NO_LIMIT_MS, args);
  const warnings = findUncommitted(path);
  // In parallel, because they don't depend on each other.
  const [root, head, branch] = await Promise.all([
    findRoot(git, path),
    git("symbolic-ref", "--quiet", "HEAD"),
    git("rev-parse", "--verify", "--quiet", base === null ? "HEAD^{commit}" : `refs/heads/${base}^{commit}`),
  ]);
  if (!branch.ok && !(await hasAnyCommit(git)))
    throw new CliError(`The repository at ${root} has no commits.`, "Make a first commit; the task starts from it.");
  const baseBranch = base ?? parseBranch(head, root);
  if (!branch.ok) {
    throw new CliError(
      `The repository at ${root} has no branch ${baseBranch}.`,
      "Choose an existing one with --base BRANCH.",
    );
  }
  const name = basename(root).replace(/\.git$/, "") || "repository";
  return { url: root, name, baseBranch, warnings };
}

/** The work tree's root; for a bare repository, the repository itself. */
async function findRoot(git: Git, path: string): Promise<string> {
  const found = await git("rev-parse", "--show-toplevel");
  if (found.ok) return realpath(found.output.replace(/\n$/, ""));
  const bare = await git("rev-parse", "--is-bare-repository", "--absolute-git-dir");
  if (!bare.ok) {
    if (/dubious ownership/.test(bare.error))
      throw new CliError(`git does not trust ${path}: it belongs to another user.`, firstHint(bare.error));
    throw new CliError(
      `${path} is not in a git repository.`,
      "Run `git init` there and make a first commit, or give --repo another path.",
    );
  }
  if (!bare.output.startsWith("true\n"))
    throw new CliError(`${path} is inside a repository's .git directory.`, "Give --repo the repository itself.");
  return realpath(bare.output.replace(/^true\n/, "").replace(/\n$/, ""));
}

async function hasAnyCommit(git: Git): Promise<boolean> {
  return (await git("for-each-ref", "--count=1", "refs/heads")).output.trim() !== "";
}

/** The checked-out branch. Throws {@link CliError} on a detached HEAD. */
function parseBranch(head: GitAnswer, path: string): string {
  const [, name] = /^refs\/heads\/(.+)\n$/.exec(head.output) ?? [];
  if (head.ok && name !== undefined) return requireBranch(name);
  throw new CliError(
    `The repository at ${path} is not on a branch (detached HEAD).`,
    "Choose the branch to start from with --base BRANCH.",
  );
}

/** Best effort: returns nothing for a repository without a work tree, or one that git cannot read. */
async function findUncommitted(path: string): Promise<string[]> {
  const pending = runGit(path, WARNING_LIMIT_MS, [
    "status",
    "--porcelain",
    "-z",
    "--untracked-files=normal",
    "--ignore-submodules",
  ]);
  const status = await pending.catch(() => null);
  if (status === null || !status.ok) return [];
  const entries = status.output.split("\0").filter((entry) => /^[ MADRCUT?!]{2} /.test(entry));
  if (entries.length === 0) return [];
  const names = entries
    .slice(0, 3)
    .map((entry) => entry.slice(3))
    .join(", ");
  const more = entries.length > 3 ? ` and ${entries.length - 3} more` : "";
  return [`Uncommitted changes are not visible to the task: ${names}${more}`];
}

function requireBranch(name: string): string {
  const parsed = branchName.safeParse(name);
  if (parsed.success) return parsed.data;
  throw new CliError(
    `Samovar cannot start from a branch named ${JSON.stringify(name)}.`,
    "Choose another one with --base BRANCH.",
  );
}

type GitAnswer = { readonly ok: boolean; readonly output: string; readonly error: string };
type Git = (...args: string[]) => Promise<GitAnswer>;

/** Read-only: starts no hook, monitor or prompt of the repository. */
function runGit(directory: string, timeoutMs: number, args: readonly string[]): Promise<GitAnswer> {
  const safe = ["-C", directory, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"];
  const env = { ...omitGitVariables(process.env), LC_ALL: "C", GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0" };
  return new Promise((resolve, reject) => {
    execFile(
      "git",
      [...safe, ...args],
      { env, maxBuffer: 16 * 1024 * 1024, timeout: timeoutMs },
      (error, output, stderr) => {
        if (error !== null && error.code === "ENOENT") {
          return reject(new CliError("git is not installed, or not on the PATH.", "Install git and try again."));
        }
        resolve({ ok: error === null, output, error: stderr });
      },
    );
  });
}

/** When a git hook calls `samovar`, its variables must not lead git to another repository. */
function omitGitVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^GIT_(DIR|WORK_TREE|INDEX_FILE|COMMON_DIR|PREFIX)$/.test(name)),
  );
}

function firstHint(text: string): string | null {
  return /git config --global --add safe\.directory \S+/.exec(text)?.[0] ?? null;
}
