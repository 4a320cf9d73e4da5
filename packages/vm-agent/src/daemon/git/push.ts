/**
 * Pushes from the clean repository to an unused branch, never by force [F41][F42]. Each push is compare-and-set, so that a branch that appears
 * between the check and the push is left alone, even where the push would be a fast-forward.
 */
import type { Failure } from "@samovar/contracts";
import type { Result } from "@samovar/base";
import { redactText } from "@samovar/base";
import { findFreeBranch } from "@samovar/domain/branch-name";
import type { WorkspaceShell } from "../../runtime/workspace-shell.ts";
import type { GitOptions, GitRun } from "./git.ts";
import { expectSuccess, git, getOutputTail } from "./git.ts";
import { runPrePushHook } from "./hooks.ts";
import { pushLfsFiles } from "./lfs-files.ts";
import type { GitLogin } from "./login.ts";
import { getRefusalHint } from "./login.ts";
import { readRemote, REFUSED_ACCESS } from "./remote.ts";

export interface PushInput {
  readonly repoUrl: string;
  /** The preferred name. */
  readonly branch: string;
  readonly baseCommit: string;
  /** The commit to push, which is in the clean repository. */
  readonly head: string;
  /** Null: no hooks run. */
  readonly hooksPath: string | null;
  /** For hooks and files of Git LFS: git in the workspace's shell. */
  readonly checkout: GitOptions & { readonly shell: WorkspaceShell };
  /** The result of requesting a login; null when none was requested. */
  readonly loginResult: Result<GitLogin | null, Failure> | null;
}

export interface PushResult {
  readonly branch: string | null;
  readonly pushed: boolean;
  readonly pushError: string | null;
}

const MAX_ATTEMPTS = 8;

/** `options`: of the clean repository. */
export async function pushCommits(input: PushInput, options: GitOptions): Promise<PushResult> {
  const { head } = input;
  const refused = new Set<string>();
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const refs = await readRemote(input.repoUrl, options);
    if (!refs.ok) return createPushFailure(input, refs.error.message);
    const { branches } = refs.value;
    const taken = new Set([...(await listForeignBranches(branches, input, options)), ...refused]);
    const branch = findFreeBranch(input.branch, taken);
    if (branch === null)
      return createPushFailure(input, `The repository has too many branches named like ${input.branch}.`);
    if (branches.get(branch) === head) return { branch, pushed: true, pushError: null };
    const tried = await pushTo(branch, branches.get(branch) ?? "", input, options);
    if (tried === "pushed") return { branch, pushed: true, pushError: null };
    if (tried !== "taken") return createPushFailure(input, tried.refusal);
    refused.add(branch);
  }
  return createPushFailure(input, `Other branches named like ${input.branch} keep appearing.`);
}

export function createPushFailure(
  { repoUrl, loginResult }: Pick<PushInput, "repoUrl" | "loginResult">,
  reason: string,
): PushResult {
  const hint = REFUSED_ACCESS.test(reason) ? `\n${getRefusalHint(repoUrl, loginResult)}` : "";
  return { branch: null, pushed: false, pushError: `${redactText(reason).slice(0, 1700)}${hint}`.trimEnd() };
}

/** `expected`: the branch's commit at the check; empty for a new branch. */
async function pushTo(
  branch: string,
  expected: string,
  input: PushInput,
  options: GitOptions,
): Promise<"pushed" | "taken" | { readonly refusal: string }> {
  const { head } = input;
  if (input.hooksPath !== null) {
    const refused = await runPrePushHook(input.hooksPath, { url: input.repoUrl, head, branch }, input.checkout);
    if (refused !== null) return { refusal: refused };
  }
  if (options.lfs === true) {
    const refused = await pushLfsFiles(input, input.checkout, options);
    if (refused !== null) return { refusal: `Git LFS could not upload its files: ${refused}` };
  }
  const lease = `--force-with-lease=refs/heads/${branch}:${expected}`;
  const run = await git(
    [
      "push",
      "--porcelain",
      "--no-verify",
      "--no-follow-tags",
      lease,
      "--",
      input.repoUrl,
      `${head}:refs/heads/${branch}`,
    ],
    options,
  );
  if (run.code === 0) return "pushed";
  if (isBranchTaken(run)) return "taken";
  // The push may have succeeded although its answer was lost.
  const after = await readRemote(input.repoUrl, options);
  return after.ok && after.value.branches.get(branch) === head ? "pushed" : { refusal: formatOutput(run) };
}

/** Branches that belong to others. A branch whose tip is a commit of this run is not foreign: the agent or a previous push made it. */
async function listForeignBranches(
  branches: ReadonlyMap<string, string>,
  input: PushInput,
  options: GitOptions,
): Promise<string[]> {
  const revisions = await expectSuccess(["rev-list", `${input.baseCommit}..${input.head}`, "--"], options);
  const ours = new Set(revisions.stdout.split("\n"));
  return [...branches].filter(([name, tip]) => !(name.startsWith(input.branch) && ours.has(tip))).map(([name]) => name);
}

/** Whether the branch was created between the check and the push. Any other refusal would apply to every name. */
function isBranchTaken(run: GitRun): boolean {
  return /\[rejected\] \((fetch first|non-fast-forward|already exists|stale info)\)|cannot lock ref|reference already exists|incorrect old value/i.test(
    run.stdout + run.stderr,
  );
}

const formatOutput = (run: GitRun) => getOutputTail(`${run.stdout}\n${run.stderr}`);
