/**
 * Finishes a clean run: commits the agent's leftovers and pushes to an unused branch, never by force [R14][F41][F42]. The
 * agent owned the checkout until now, so git commits there with the agent's rights, in a shell of its runtime and with the
 * settings saved at the clone. The commits then come into the clean repository, which alone is pushed from. Without a commit
 * nothing is pushed. Work that HEAD does not contain is reported in a warning.
 */
import type { CheckoutOptions, Failure, SessionEnd } from "@samovar/contracts";
import type { Result } from "@samovar/base";
import { withLimit } from "../../time-limit.ts";
import { errorMessage, redactText } from "@samovar/base";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { WorkspaceShell } from "../../runtime/workspace-shell.ts";
import type { Bundle } from "./bundle.ts";
import { makeBundle } from "./bundle.ts";
import type { CheckoutPaths } from "./checkout-paths.ts";
import type { CheckoutRuntime } from "./checkout-shell.ts";
import { getCheckoutOptions, withCheckoutShell } from "./checkout-shell.ts";
import { ensureCleanRepository, getCleanOptions, importCommits } from "./clean-repository.ts";
import type { GitOptions } from "./git.ts";
import { expectSuccess, getOutputTail, runBesideGit } from "./git.ts";
import { findHooksPath, setHooksPath } from "./hooks.ts";
import type { Leftovers } from "./leftovers.ts";
import { commitLeftovers } from "./leftovers.ts";
import type { RequestLogin, GitLogin } from "./login.ts";
import { getLoginHost } from "./login.ts";
import type { PushInput, PushResult } from "./push.ts";
import { createPushFailure, pushCommits } from "./push.ts";
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

export interface FinishPorts extends CheckoutRuntime {
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

/** Bundles the commits that {@link finishCheckout} found and could not push. Throws when git fails. */
export function bundleCheckout(
  input: FinishInput,
  paths: CheckoutPaths,
  signal: AbortSignal,
): Promise<Result<Bundle, string>> {
  return makeBundle({ ...input, file: paths.bundle }, getCleanOptions({ ...input, lfs: false, signal }, paths));
}

async function finish(input: FinishInput, paths: CheckoutPaths, ports: FinishPorts): Promise<FinishOutputs> {
  const loginResult = input.push && getLoginHost(input.repoUrl) !== null ? await ports.requestLogin() : null;
  return withCheckoutShell(ports, paths, (shell) =>
    finishInShell({ ...input, loginResult }, paths, shell, ports.signal),
  );
}

type FinishWithLogin = FinishInput & { readonly loginResult: Result<GitLogin | null, Failure> | null };

async function finishInShell(
  input: FinishWithLogin,
  paths: CheckoutPaths,
  shell: WorkspaceShell,
  signal: AbortSignal,
): Promise<FinishOutputs> {
  const { baseCommit, loginResult } = input;
  const { lfs } = input.checkout;
  // In a partial clone git fetches missing files while it compares.
  const checkout = getCheckoutOptions(shell, { settings: getProtocolSettings(input.repoUrl), lfs, signal });
  const hooksPath = await restoreSettings(input, paths, checkout);
  const committed = await commitIfRequested(input, hooksPath, checkout);
  const head = await readHead(checkout);
  const warning = await describeUnpushedWork({ baseCommit, head }, committed.leftovers, checkout);
  const pushError = committed.refusal;
  if (head === baseCommit) return { ...NO_OUTPUTS, warning, pushError };

  const login = loginResult?.ok === true ? loginResult.value : null;
  const clean = { ...getCleanOptions({ repoUrl: input.repoUrl, lfs, signal }, paths), login };
  await ensureCleanRepository(baseCommit, input.repoUrl, paths, clean);
  await importCommits({ head, baseCommit }, checkout, clean);
  const [commits, diffStat] = await Promise.all([
    listCommits(baseCommit, head, clean),
    getDiffStat(baseCommit, head, clean),
  ]);
  if (commits.length === 0) return { ...NO_OUTPUTS, warning, pushError };
  const done = { ...NO_OUTPUTS, commits, diffStat, warning, pushError };
  if (!input.push || pushError !== null) return done;
  return { ...done, ...(await pushInTime({ ...input, head, hooksPath, checkout }, clean)) };
}

/** In the shell, where a link that the agent left leads nowhere else. */
const RESTORE = `
if test -L .git || ! test -d .git; then echo "the checkout's .git directory is missing" >&2; exit 1; fi
cd .git && rm -rf config.worktree commondir index.lock config.samovar &&
printf %s "$1" >config.samovar && rm -rf config && mv config.samovar config`;

/**
 * Restores the settings of the clone, because the agent's settings could name programs for git to run. Returns the hooks'
 * directory for a project that asks for hooks, else null.
 */
async function restoreSettings(
  { checkout }: FinishInput,
  { trustedConfig }: CheckoutPaths,
  options: GitOptions & { readonly shell: WorkspaceShell },
): Promise<string | null> {
  const hooksPath = checkout.hooks ? await findHooksPath(options, join(options.cwd, ".git")) : null;
  const settings = await readFile(trustedConfig, "utf8");
  const run = await runBesideGit(["/bin/sh", "-c", RESTORE, "sh", settings], options);
  if (run.code !== 0) throw new Error(getOutputTail(run.stderr));
  if (hooksPath !== null) await setHooksPath(options, hooksPath);
  return hooksPath;
}

/** The checkout's word, so it is only a name until the commit is in the clean repository. */
async function readHead(options: GitOptions): Promise<string> {
  const head = (await expectSuccess(["rev-parse", "--verify", "HEAD^{commit}"], options)).stdout.trim();
  if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(head)) throw new Error("the checkout's HEAD is not a commit");
  return head;
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
async function pushInTime(input: PushInput, clean: GitOptions): Promise<PushResult> {
  try {
    return await pushCommits(input, clean);
  } catch (error) {
    const stopped: unknown = clean.signal?.reason;
    const isLate = stopped instanceof DOMException && stopped.name === "TimeoutError";
    if (stopped !== undefined && !isLate) throw error;
    return createPushFailure(input, isLate ? "The push took too long." : errorMessage(error));
  }
}

async function listCommits(base: string, head: string, clean: GitOptions): Promise<FinishOutputs["commits"]> {
  const log = await expectSuccess(
    ["log", "--no-show-signature", `--max-count=${MAX_COMMITS}`, "--format=%H%x09%s", `${base}..${head}`, "--"],
    clean,
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

async function getDiffStat(base: string, head: string, clean: GitOptions): Promise<FinishOutputs["diffStat"]> {
  const run = await expectSuccess(["diff", "--shortstat", "--no-ext-diff", "--no-textconv", base, head, "--"], clean);
  const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(run.stdout)?.[1] ?? 0);
  return { files: count("file"), insertions: count("insertion"), deletions: count("deletion") };
}
