/**
 * After a clean end: commit what the agent left, push to a branch that nobody else has, never by force
 * [R14][F41][F42]. The agent owned the checkout until now, so git runs with the settings kept at the clone.
 * Without a commit nothing is pushed.
 */
import { errorMessage, redactText } from "@samovar/base";
import type { SessionEnd } from "@samovar/contracts";
import { freeBranch } from "@samovar/domain/branch-name";
import { copyFile, lstat, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { CheckoutPlaces } from "./clone.ts";
import type { GitOptions, GitRun } from "./git.ts";
import { git, lastWords } from "./git.ts";
import { protocolSettings, readRemote } from "./remote.ts";

export interface FinishInput {
  readonly repoUrl: string;
  readonly branch: string;
  readonly baseCommit: string;
  readonly commit: boolean;
  readonly push: boolean;
  readonly commitMessage: string;
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
const MAX_PUSH_ATTEMPTS = 5;

/** Repeatable: a second call finds the commit made and the branch pushed. Failing is an output, never a throw. */
export async function finishCheckout(
  input: FinishInput,
  places: CheckoutPlaces,
  signal: AbortSignal,
): Promise<FinishOutputs> {
  try {
    return await finish(input, places, signal);
  } catch (error) {
    signal.throwIfAborted();
    return {
      ...NO_OUTPUTS,
      pushError: redactText(`The work could not be finished: ${errorMessage(error)}`).slice(0, 2000),
    };
  }
}

async function finish(input: FinishInput, places: CheckoutPlaces, signal: AbortSignal): Promise<FinishOutputs> {
  const gitDir = join(places.repo, ".git");
  await restoreSettings(gitDir, places.trustedConfig);
  const options: GitOptions = {
    cwd: places.repo,
    home: places.home,
    globalConfig: places.globalConfig,
    repository: { gitDir, workTree: places.repo },
    // A checkout with files yet to be fetched asks its remote while it compares.
    settings: protocolSettings(input.repoUrl),
    signal,
  };
  if (input.commit) await commitLeftovers(input, options);
  const commits = await commitsSince(input.baseCommit, options);
  if (commits.length === 0) return NO_OUTPUTS;
  const done = { ...NO_OUTPUTS, commits, diffStat: await diffStatSince(input.baseCommit, options) };
  if (!input.push) return done;
  return { ...done, ...(await push(input, options)) };
}

/** Puts the settings of the clone back: what the agent wrote there could name programs for git to run. */
async function restoreSettings(gitDir: string, trustedConfig: string): Promise<void> {
  const entry = await lstat(gitDir).catch(() => null);
  if (entry === null || !entry.isDirectory()) throw new Error("the checkout's .git directory is gone");
  await rm(join(gitDir, "config.worktree"), { recursive: true, force: true });
  await rm(join(gitDir, "commondir"), { recursive: true, force: true });
  await rm(join(gitDir, "index.lock"), { force: true });
  const fresh = join(gitDir, "config.samovar");
  await rm(fresh, { recursive: true, force: true });
  await copyFile(trustedConfig, fresh);
  await rm(join(gitDir, "config"), { recursive: true, force: true });
  await rename(fresh, join(gitDir, "config"));
}

async function commitLeftovers(input: FinishInput, options: GitOptions): Promise<void> {
  await expectSuccess(["add", "--all", "--", "."], options);
  const staged = await git(["diff", "--cached", "--quiet", "--no-ext-diff", "--no-textconv"], options);
  if (staged.code === 0) return;
  await expectSuccess(["commit", "--quiet", "--no-verify", `--message=${input.commitMessage}`], options);
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

type Pushed = Pick<FinishOutputs, "branch" | "pushed" | "pushError">;

async function push(input: FinishInput, options: GitOptions): Promise<Pushed> {
  const refused = new Set<string>();
  for (let attempt = 1; attempt <= MAX_PUSH_ATTEMPTS; attempt++) {
    const refs = await readRemote(input.repoUrl, options);
    if (!refs.ok) return notPushed(refs.error.message);
    const taken = new Set([...(await foreignBranches(refs.value.branches, input, options)), ...refused]);
    const branch = freeBranch(input.branch, taken);
    if (branch === null) return notPushed(`The repository has too many branches named like ${input.branch}.`);
    const run = await git(
      ["push", "--porcelain", "--no-verify", "--no-follow-tags", "--", input.repoUrl, `HEAD:refs/heads/${branch}`],
      options,
    );
    if (run.code === 0) return { branch, pushed: true, pushError: null };
    if (!appearedMeanwhile(run)) return notPushed(lastWords(`${run.stdout}\n${run.stderr}`));
    refused.add(branch);
  }
  return notPushed(`Other branches named like ${input.branch} keep appearing.`);
}

/** Branches that are not ours to push to. Ours already: one whose tip is a commit of this run (the agent pushed, or we did). */
async function foreignBranches(
  branches: ReadonlyMap<string, string>,
  input: FinishInput,
  options: GitOptions,
): Promise<string[]> {
  const own = await expectSuccess(["rev-list", `${input.baseCommit}..HEAD`, "--"], options);
  const ours = new Set(own.stdout.split("\n"));
  return [...branches].filter(([name, tip]) => !(name.startsWith(input.branch) && ours.has(tip))).map(([name]) => name);
}

/** Somebody made the branch between our look and our push; any other refusal would refuse every name. */
function appearedMeanwhile(run: GitRun): boolean {
  return /\[rejected\] \((fetch first|non-fast-forward|already exists)\)|cannot lock ref|reference already exists/i.test(
    run.stdout + run.stderr,
  );
}

function notPushed(words: string): Pushed {
  return { branch: null, pushed: false, pushError: redactText(words).slice(0, 2000) };
}

async function expectSuccess(args: readonly string[], options: GitOptions): Promise<GitRun> {
  const run = await git(args, options);
  if (run.code !== 0) throw new Error(`git ${args[0] ?? ""} failed: ${lastWords(run.stderr)}`);
  return run;
}
