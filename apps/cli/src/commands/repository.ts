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
  /** What a person should know, though the task can run. In a large repository it takes git some time to say. */
  readonly warnings: Promise<readonly string[]>;
}

/** What is wrong with a repository is for git to say, however long it takes. */
const NO_LIMIT_MS = 0;
/** A warning is not worth more: looking through a large work tree can take minutes. */
const WARNING_LIMIT_MS = 10_000;

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
  return { url: parsed.data, name: name || "repository", baseBranch, warnings: Promise.resolve([]) };
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
  const git: Git = (...args) => runGit(path, NO_LIMIT_MS, args);
  const warnings = dirtWarnings(path);
  // All at once: none of them depends on what another says.
  const [root, head, branch] = await Promise.all([
    rootOf(git, path),
    git("symbolic-ref", "--quiet", "HEAD"),
    git("rev-parse", "--verify", "--quiet", base === null ? "HEAD^{commit}" : `refs/heads/${base}^{commit}`),
  ]);
  if (!branch.ok && !(await hasAnyCommit(git)))
    throw new CliError(`The repository at ${root} has no commit yet.`, "Make a first commit; the task starts from it.");
  const baseBranch = base ?? branchOf(head, root);
  if (!branch.ok) {
    throw new CliError(
      `The repository at ${root} has no branch ${baseBranch}.`,
      "Name one that it has with --base BRANCH.",
    );
  }
  const name = basename(root).replace(/\.git$/, "") || "repository";
  return { url: root, name, baseBranch, warnings };
}

/** The work tree's root; of a bare repository itself. */
async function rootOf(git: Git, path: string): Promise<string> {
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

/** The branch that is checked out. */
function branchOf(head: GitAnswer, path: string): string {
  const [, name] = /^refs\/heads\/(.+)\n$/.exec(head.output) ?? [];
  if (head.ok && name !== undefined) return usableBranch(name);
  throw new CliError(
    `The repository at ${path} is on no branch (detached HEAD).`,
    "Name the branch to start from with --base BRANCH.",
  );
}

/** Best effort: a repository without a work tree has none, and what is wrong with it is told by others. */
async function dirtWarnings(path: string): Promise<string[]> {
  const asked = runGit(path, WARNING_LIMIT_MS, [
    "status",
    "--porcelain",
    "-z",
    "--untracked-files=normal",
    "--ignore-submodules",
  ]);
  const status = await asked.catch(() => null);
  if (status === null || !status.ok) return [];
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
function runGit(directory: string, timeoutMs: number, args: readonly string[]): Promise<GitAnswer> {
  const safe = ["-C", directory, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"];
  const env = { ...withoutGitVariables(process.env), LC_ALL: "C", GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0" };
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

/** A hook that calls `samovar` must not lead git to another repository than the one that was named. */
function withoutGitVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^GIT_(DIR|WORK_TREE|INDEX_FILE|COMMON_DIR|PREFIX)$/.test(name)),
  );
}

function firstHint(text: string): string | null {
  return /git config --global --add safe\.directory \S+/.exec(text)?.[0] ?? null;
}
