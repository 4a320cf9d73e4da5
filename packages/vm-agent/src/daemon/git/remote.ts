/** Lists a remote's branches before anything is fetched, and turns its refusals into failures that say what to do. */
import type { Failure } from "@samovar/contracts";
import { repoUrl } from "@samovar/contracts";
import type { Result } from "@samovar/base";
import { err, ok, redactText } from "@samovar/base";
import { stat } from "node:fs/promises";
import type { GitOptions, GitRun } from "./git.ts";
import { git, GitMissingError, getOutputTail } from "./git.ts";

export interface RemoteRefs {
  /** The branch that HEAD names, or null when HEAD is detached or names a branch without a commit. */
  readonly defaultBranch: string | null;
  /** The commit of HEAD; null when HEAD has none. */
  readonly headCommit: string | null;
  /** Branch → commit. */
  readonly branches: ReadonlyMap<string, string>;
}

export const isLocalPath = (url: string): boolean => url.startsWith("/");

/** Settings that allow git to open a local path only if the address is one. */
export function getProtocolSettings(url: string): readonly string[] {
  return [`protocol.file.allow=${isLocalPath(url) ? "always" : "never"}`];
}

export async function readRemote(url: string, options: GitOptions): Promise<Result<RemoteRefs, Failure>> {
  if (!repoUrl.safeParse(url).success)
    return err({ code: "repo_not_found", message: `${url} is not a valid repository address.` });
  if (isLocalPath(url) && !(await isDirectory(url))) {
    return err({ code: "repo_not_found", message: `There is no directory ${url} on this node.` });
  }
  const run = await tryGit(["ls-remote", "--symref", "--", url, "HEAD", "refs/heads/*"], {
    ...options,
    settings: [...(options.settings ?? []), ...getProtocolSettings(url)],
  });
  if (!run.ok) return run;
  if (run.value.code !== 0) return err(createRemoteFailure(url, run.value.stderr));
  return ok(parseRefs(run.value.stdout));
}

/** Like {@link git}, but returns a missing git as a failure. */
export async function tryGit(args: readonly string[], options: GitOptions): Promise<Result<GitRun, Failure>> {
  try {
    return ok(await git(args, options));
  } catch (error) {
    if (!(error instanceof GitMissingError)) throw error;
    return err({
      code: "git_missing",
      message: "git is not installed on this node. Install git and run the task again.",
    });
  }
}

function parseRefs(stdout: string): RemoteRefs {
  const branches = new Map<string, string>();
  let defaultBranch: string | null = null;
  let headCommit: string | null = null;
  for (const line of stdout.split("\n")) {
    const [value = "", name = ""] = line.split("\t");
    if (value.startsWith("ref: refs/heads/") && name === "HEAD") defaultBranch = value.slice("ref: refs/heads/".length);
    else if (name === "HEAD") headCommit = value;
    else if (name.startsWith("refs/heads/")) branches.set(name.slice("refs/heads/".length), value);
  }
  return { defaultBranch: headCommit === null ? null : defaultBranch, headCommit, branches };
}

/** Messages of git and its hosts when access is refused. */
export const REFUSED_ACCESS =
  /authentication failed|could not read (username|password)|permission denied \(|terminal prompts disabled|returned error: 40[13]|access denied|invalid credentials|publickey|invalid username or (token|password)/i;
const ABSENT = /repository .*not found|returned error: 404|does not exist/i;
const UNREACHABLE =
  /could not resolve host|connection refused|connection timed out|network is unreachable|failed to connect|couldn't connect/i;

function createRemoteFailure(url: string, stderr: string): Failure {
  const output = redactText(getOutputTail(stderr));
  if (isLocalPath(url)) return { code: "not_a_repository", message: `${url} is not a git repository.\n${output}` };
  if (REFUSED_ACCESS.test(stderr))
    return { code: "auth_failed", message: `The repository's host refused access to ${url}.\n${output}` };
  if (UNREACHABLE.test(stderr))
    return {
      code: "remote_unreachable",
      message: `The repository's host could not be reached from this node.\n${output}`,
    };
  if (ABSENT.test(stderr)) return { code: "repo_not_found", message: `There is no repository at ${url}.\n${output}` };
  return { code: "clone_failed", message: `The repository ${url} could not be read.\n${output}` };
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}
