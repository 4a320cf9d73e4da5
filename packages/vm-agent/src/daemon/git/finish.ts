/**
 * Finishes a clean run: commits the agent's leftovers and pushes to an unused branch, never by force [R14][F41][F42]. The
 * agent owned the checkout until now, so git runs with the settings saved at the clone. Without a commit nothing is pushed.
 * Work that HEAD does not contain is reported in a warning.
 */
import type { CheckoutOptions, Failure, SessionEnd } from "@samovar/contracts";
import type { Result } from "@samovar/base";
import { withLimit } from "../../time-limit.ts";
import { errorMessage, redactText } from "@samovar/base";
import { copyFile, lstat, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Bundle } from "./bundle.ts";
import { makeBundle } from "./bundle.ts";
import type { CheckoutPaths } from "./clone.ts";
import type { GitOptions } from "./git.ts";
import { expectSuccess } from "./git.ts";
import { findHooksPath, setHooksPath } from "./hooks.ts";
import type { Leftovers } from "./leftovers.ts";
import { commitLeftovers } from "./leftovers.ts";
import type { RequestLogin, GitLogin } from "./login.ts";
import { getLoginHost } from "./login.ts";
import type { PushResult } from "./push.ts";
import { pushHead, createPushFailure } from "./push.ts";
import { getProtocolSettings } from "./remote.ts";
import { describeUnpushedWork } from "./unpushed-work.ts";

export interface FinishInput {
  readonly repoUrl: string;
  readonly branch: string;
  readonly baseCommit: string;
  readonly commit: boolean;
  readonly push: boolean;
  readonly commitMessage: string;
  readonly checkout: CheckoutOptions;
}

export interface FinishPorts {
  readonly signal: AbortSignal;
  readonly requestLogin: RequestLogin;
  /** For the commit and the push together. */
  readonly timeoutMs: number;
}

export type FinishOutputs = Pick<
  SessionEnd,
  "branch" | "commits" | "diffStat" | "pushed" | "pushError" | "bundle" | "warning"
>;

export const NO_OUTPUTS: FinishOutputs = {
  branch: null,
  commits: [],
  diffStat: null,
  pushed: false,
  pushError: null,
  bundle: null,
  warning: null,
};

const MAX_COMMITS = 200;

/** Repeatable: a second call finds the commit made and the branch pushed. A failure is an output; throws only an abort's reason. */
export async function finishCheckout(
  input: FinishInput,
  paths: CheckoutPaths,
  ports: FinishPorts,
): Promise<FinishOutputs> {
  return withLimit(ports.timeoutMs, ports.signal, async ({ signal, isLate }) => {
    try {
      return await finish(input, paths, { ...ports, signal });
    } catch (error) {
      ports.signal.throwIfAborted();
      const why = isLate() ? "it took too long" : errorMessage(error);
      return { ...NO_OUTPUTS, pushError: redactText(`The work could not be finished: ${why}`).slice(0, 2000) };
    }
  });
}

/** Bundles the commits of a checkout that {@link finishCheckout} could not push. Throws when git fails. */
export function bundleCheckout(
  input: FinishInput,
  paths: CheckoutPaths,
  signal: AbortSignal,
): Promise<Result<Bundle, string>> {
  return makeBundle(
    { ...input, file: paths.bundle, trustedConfig: paths.trustedConfig },
    getGitOptions(input, paths, signal),
  );
}

async function finish(input: FinishInput, paths: CheckoutPaths, ports: FinishPorts): Promise<FinishOutputs> {
  const loginResult = input.push && getLoginHost(input.repoUrl) !== null ? await ports.requestLogin() : null;
  const options = getGitOptions(input, paths, ports.signal);
  const hooksPath = await restoreSettings(input, paths, options);
  const committed = await commitIfRequested(input, hooksPath, options);
  const commits = await listCommits(input.baseCommit, options);
  const warning = await describeUnpushedWork(input.baseCommit, committed.leftovers, options);
  const pushError = committed.refusal;
  if (commits.length === 0) return { ...NO_OUTPUTS, warning, pushError };
  const done = { ...NO_OUTPUTS, commits, diffStat: await getDiffStat(input.baseCommit, options), warning, pushError };
  if (!input.push || pushError !== null) return done;
  // Only now: nothing that git runs on the agent's files may see the login.
  const login = loginResult?.ok === true ? loginResult.value : null;
  return { ...done, ...(await pushInTime({ ...input, hooksPath, loginResult }, { ...options, login })) };
}

function getGitOptions(input: FinishInput, paths: CheckoutPaths, signal: AbortSignal): GitOptions {
  return {
    cwd: paths.repo,
    home: paths.home,
    globalConfig: paths.globalConfig,
    repository: { gitDir: join(paths.repo, ".git"), workTree: paths.repo },
    // In a partial clone git fetches missing files while it compares.
    settings: getProtocolSettings(input.repoUrl),
    lfs: input.checkout.lfs,
    signal,
  };
}

/**
 * Restores the settings of the clone, because the agent's settings could name programs for git to run. Returns the hooks'
 * directory for a project that asks for hooks, else null.
 */
async function restoreSettings(
  { checkout }: FinishInput,
  { trustedConfig }: CheckoutPaths,
  options: GitOptions,
): Promise<string | null> {
  const gitDir = join(options.cwd, ".git");
  const entry = await lstat(gitDir).catch(() => null);
  if (entry === null || !entry.isDirectory()) throw new Error("the checkout's .git directory is missing");
  const hooksPath = checkout.hooks ? await findHooksPath(options, gitDir) : null;
  await rm(join(gitDir, "config.worktree"), { recursive: true, force: true });
  await rm(join(gitDir, "commondir"), { recursive: true, force: true });
  await rm(join(gitDir, "index.lock"), { force: true });
  const fresh = join(gitDir, "config.samovar");
  await rm(fresh, { recursive: true, force: true });
  await copyFile(trustedConfig, fresh);
  await rm(join(gitDir, "config"), { recursive: true, force: true });
  await rename(fresh, join(gitDir, "config"));
  if (hooksPath !== null) await setHooksPath(options, hooksPath);
  return hooksPath;
}

async function commitIfRequested(
  input: FinishInput,
  hooksPath: string | null,
  options: GitOptions,
): Promise<{ readonly leftovers: Leftovers; readonly refusal: string | null }> {
  const none = { oversized: [], repositories: [] };
  if (!input.commit) return { leftovers: none, refusal: null };
  const committed = await commitLeftovers({ commitMessage: input.commitMessage, hooksPath }, options);
  if (committed.ok) return { leftovers: committed.value, refusal: null };
  const message = `The repository's hooks refused the commit: ${redactText(committed.error)}`;
  return { leftovers: none, refusal: message.slice(0, 2000) };
}

/** A push that takes too long has failed; the commits are reported all the same. */
async function pushInTime(
  input: FinishInput & {
    readonly hooksPath: string | null;
    readonly loginResult: Result<GitLogin | null, Failure> | null;
  },
  options: GitOptions,
): Promise<PushResult> {
  try {
    return await pushHead(input, options);
  } catch (error) {
    const stopped: unknown = options.signal?.reason;
    const isLate = stopped instanceof DOMException && stopped.name === "TimeoutError";
    if (stopped !== undefined && !isLate) throw error;
    return createPushFailure(input, isLate ? "The push took too long." : errorMessage(error));
  }
}

async function listCommits(base: string, options: GitOptions): Promise<FinishOutputs["commits"]> {
  const log = await expectSuccess(
    ["log", "--no-show-signature", `--max-count=${MAX_COMMITS}`, "--format=%H%x09%s", `${base}..HEAD`, "--"],
    options,
  );
  return log.stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const tab = line.indexOf("\t");
      return { sha: line.slice(0, tab), subject: line.slice(tab + 1).slice(0, 500) };
    })
    .toReversed();
}

async function getDiffStat(base: string, options: GitOptions): Promise<FinishOutputs["diffStat"]> {
  const run = await expectSuccess(
    ["diff", "--shortstat", "--no-ext-diff", "--no-textconv", base, "HEAD", "--"],
    options,
  );
  const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(run.stdout)?.[1] ?? 0);
  return { files: count("file"), insertions: count("insertion"), deletions: count("deletion") };
}
