/**
 * After a clean end: commit what the agent left, push to a branch that nobody else has, never by force
 * [R14][F41][F42]. The agent owned the checkout until now, so git runs with the settings kept at the clone.
 * Without a commit nothing is pushed. What HEAD does not carry is told.
 */
import type { CheckoutOptions, Failure, SessionEnd } from "@samovar/contracts";
import type { Result } from "@samovar/base";
import { withLimit } from "../../time-limit.ts";
import { errorMessage, redactText } from "@samovar/base";
import { copyFile, lstat, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Bundle } from "./bundle.ts";
import { makeBundle } from "./bundle.ts";
import type { CheckoutPlaces } from "./clone.ts";
import type { GitOptions } from "./git.ts";
import { expectSuccess } from "./git.ts";
import { findHooksPath, keepHooksPath } from "./hooks.ts";
import type { Leftovers } from "./leftovers.ts";
import { commitLeftovers } from "./leftovers.ts";
import type { AskLogin, GitLogin } from "./login.ts";
import { loginHost } from "./login.ts";
import type { Pushed } from "./push.ts";
import { pushHead, refusal } from "./push.ts";
import { protocolSettings } from "./remote.ts";
import { strayWork } from "./stray-work.ts";

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
  readonly askLogin: AskLogin;
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

/** Repeatable: a second call finds the commit made and the branch pushed. Failing is an output, never a throw. */
export async function finishCheckout(
  input: FinishInput,
  places: CheckoutPlaces,
  ports: FinishPorts,
): Promise<FinishOutputs> {
  return withLimit(ports.timeoutMs, ports.signal, async ({ signal, isLate }) => {
    try {
      return await finish(input, places, { ...ports, signal });
    } catch (error) {
      ports.signal.throwIfAborted();
      const why = isLate() ? "it took too long" : errorMessage(error);
      return { ...NO_OUTPUTS, pushError: redactText(`The work could not be finished: ${why}`).slice(0, 2000) };
    }
  });
}

/** The commits of a checkout that {@link finishCheckout} could not push. Throws when git fails. */
export function bundleCheckout(
  input: FinishInput,
  places: CheckoutPlaces,
  signal: AbortSignal,
): Promise<Result<Bundle, string>> {
  return makeBundle(
    { ...input, file: places.bundle, trustedConfig: places.trustedConfig },
    optionsOf(input, places, signal),
  );
}

async function finish(input: FinishInput, places: CheckoutPlaces, ports: FinishPorts): Promise<FinishOutputs> {
  const asked = input.push && loginHost(input.repoUrl) !== null ? await ports.askLogin() : null;
  const options = { ...optionsOf(input, places, ports.signal), login: asked?.ok === true ? asked.value : null };
  const hooksPath = await restoreSettings(input, places, options);
  const committed = await commitIfAsked(input, hooksPath, options);
  const commits = await commitsSince(input.baseCommit, options);
  const warning = await strayWork(input.baseCommit, committed.leftovers, options);
  const pushError = committed.refusal;
  if (commits.length === 0) return { ...NO_OUTPUTS, warning, pushError };
  const done = { ...NO_OUTPUTS, commits, diffStat: await diffStatSince(input.baseCommit, options), warning, pushError };
  if (!input.push || pushError !== null) return done;
  return { ...done, ...(await pushInTime({ ...input, hooksPath, asked }, options)) };
}

function optionsOf(input: FinishInput, places: CheckoutPlaces, signal: AbortSignal): GitOptions {
  return {
    cwd: places.repo,
    home: places.home,
    globalConfig: places.globalConfig,
    repository: { gitDir: join(places.repo, ".git"), workTree: places.repo },
    // A checkout with files yet to be fetched asks its remote while it compares.
    settings: protocolSettings(input.repoUrl),
    lfs: input.checkout.lfs,
    signal,
  };
}

/**
 * Puts the settings of the clone back: what the agent wrote there could name programs for git to run. The answer is
 * where the repository's hooks are, for a project that asks for them.
 */
async function restoreSettings(
  { checkout }: FinishInput,
  { trustedConfig }: CheckoutPlaces,
  options: GitOptions,
): Promise<string | null> {
  const gitDir = join(options.cwd, ".git");
  const entry = await lstat(gitDir).catch(() => null);
  if (entry === null || !entry.isDirectory()) throw new Error("the checkout's .git directory is gone");
  const hooksPath = checkout.hooks ? await findHooksPath({ ...options, login: null }, gitDir) : null;
  await rm(join(gitDir, "config.worktree"), { recursive: true, force: true });
  await rm(join(gitDir, "commondir"), { recursive: true, force: true });
  await rm(join(gitDir, "index.lock"), { force: true });
  const fresh = join(gitDir, "config.samovar");
  await rm(fresh, { recursive: true, force: true });
  await copyFile(trustedConfig, fresh);
  await rm(join(gitDir, "config"), { recursive: true, force: true });
  await rename(fresh, join(gitDir, "config"));
  if (hooksPath !== null) await keepHooksPath(options, hooksPath);
  return hooksPath;
}

async function commitIfAsked(
  input: FinishInput,
  hooksPath: string | null,
  options: GitOptions,
): Promise<{ readonly leftovers: Leftovers; readonly refusal: string | null }> {
  const none = { tooMuch: [], repositories: [] };
  if (!input.commit) return { leftovers: none, refusal: null };
  const committed = await commitLeftovers({ commitMessage: input.commitMessage, hooksPath }, options);
  if (committed.ok) return { leftovers: committed.value, refusal: null };
  const words = `The repository's hooks refused the commit: ${redactText(committed.error)}`;
  return { leftovers: none, refusal: words.slice(0, 2000) };
}

/** A push that takes too long has failed; what was committed is told all the same. */
async function pushInTime(
  input: FinishInput & { readonly hooksPath: string | null; readonly asked: Result<GitLogin | null, Failure> | null },
  options: GitOptions,
): Promise<Pushed> {
  try {
    return await pushHead(input, options);
  } catch (error) {
    const stopped: unknown = options.signal?.reason;
    const isLate = stopped instanceof DOMException && stopped.name === "TimeoutError";
    if (stopped !== undefined && !isLate) throw error;
    return refusal(input, isLate ? "The push took too long." : errorMessage(error));
  }
}

async function commitsSince(base: string, options: GitOptions): Promise<FinishOutputs["commits"]> {
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

async function diffStatSince(base: string, options: GitOptions): Promise<FinishOutputs["diffStat"]> {
  const run = await expectSuccess(
    ["diff", "--shortstat", "--no-ext-diff", "--no-textconv", base, "HEAD", "--"],
    options,
  );
  const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(run.stdout)?.[1] ?? 0);
  return { files: count("file"), insertions: count("insertion"), deletions: count("deletion") };
}
