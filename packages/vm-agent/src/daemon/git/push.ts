/**
 * Pushes HEAD to a branch that nobody else has, never by force [F41][F42]: each push is compare-and-set, so that a
 * branch that appears between our look and our push is left alone, even where ours would only go forward from it.
 */
import type { Failure } from "@samovar/contracts";
import type { Result } from "@samovar/base";
import { redactText } from "@samovar/base";
import { findFreeBranch } from "@samovar/domain/branch-name";
import type { GitOptions, GitRun } from "./git.ts";
import { expectSuccess, git, lastWords } from "./git.ts";
import { askPrePush } from "./hooks.ts";
import type { GitLogin } from "./login.ts";
import { refusalHint } from "./login.ts";
import { readRemote, REFUSED_ACCESS } from "./remote.ts";

export interface PushInput {
  readonly repoUrl: string;
  /** The wanted name. */
  readonly branch: string;
  readonly baseCommit: string;
  /** Null: no hook of the repository runs. */
  readonly hooksPath: string | null;
  /** What asking for a login came to; null where it was not asked for. */
  readonly asked: Result<GitLogin | null, Failure> | null;
}

export interface Pushed {
  readonly branch: string | null;
  readonly pushed: boolean;
  readonly pushError: string | null;
}

const MAX_ATTEMPTS = 8;

export async function pushHead(input: PushInput, options: GitOptions): Promise<Pushed> {
  const head = (await expectSuccess(["rev-parse", "--verify", "HEAD^{commit}"], options)).stdout.trim();
  const refused = new Set<string>();
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const refs = await readRemote(input.repoUrl, options);
    if (!refs.ok) return refusal(input, refs.error.message);
    const { branches } = refs.value;
    const taken = new Set([...(await foreignBranches(branches, input, options)), ...refused]);
    const branch = findFreeBranch(input.branch, taken);
    if (branch === null) return refusal(input, `The repository has too many branches named like ${input.branch}.`);
    if (branches.get(branch) === head) return { branch, pushed: true, pushError: null };
    const tried = await pushTo(branch, { head, expected: branches.get(branch) ?? "" }, input, options);
    if (tried === "pushed") return { branch, pushed: true, pushError: null };
    if (tried !== "taken") return refusal(input, tried.refusal);
    refused.add(branch);
  }
  return refusal(input, `Other branches named like ${input.branch} keep appearing.`);
}

export function refusal({ repoUrl, asked }: Pick<PushInput, "repoUrl" | "asked">, words: string): Pushed {
  const hint = REFUSED_ACCESS.test(words) ? `\n${refusalHint(repoUrl, asked)}` : "";
  return { branch: null, pushed: false, pushError: `${redactText(words).slice(0, 1700)}${hint}`.trimEnd() };
}

/** `expected`: the commit that the branch had when we looked; empty for a branch that is to be made. */
async function pushTo(
  branch: string,
  { head, expected }: { readonly head: string; readonly expected: string },
  input: PushInput,
  options: GitOptions,
): Promise<"pushed" | "taken" | { readonly refusal: string }> {
  if (input.hooksPath !== null) {
    const refused = await askPrePush(input.hooksPath, { url: input.repoUrl, head, branch }, options);
    if (refused !== null) return { refusal: refused };
  }
  if (options.lfs === true) {
    const sent = await git(["lfs", "push", "origin", "HEAD"], options);
    if (sent.code !== 0) return { refusal: `Git LFS could not hand over its files: ${wordsOf(sent)}` };
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
  if (appearedMeanwhile(run)) return "taken";
  // The answer may have been lost on its way when the push was not.
  const after = await readRemote(input.repoUrl, options);
  return after.ok && after.value.branches.get(branch) === head ? "pushed" : { refusal: wordsOf(run) };
}

/** Branches that are not ours to push to. Ours already: one whose tip is a commit of this run (the agent pushed, or we did). */
async function foreignBranches(
  branches: ReadonlyMap<string, string>,
  input: PushInput,
  options: GitOptions,
): Promise<string[]> {
  const own = await expectSuccess(["rev-list", `${input.baseCommit}..HEAD`, "--"], options);
  const ours = new Set(own.stdout.split("\n"));
  return [...branches].filter(([name, tip]) => !(name.startsWith(input.branch) && ours.has(tip))).map(([name]) => name);
}

/** Somebody made the branch between our look and our push; any other refusal would refuse every name. */
function appearedMeanwhile(run: GitRun): boolean {
  return /\[rejected\] \((fetch first|non-fast-forward|already exists|stale info)\)|cannot lock ref|reference already exists|incorrect old value/i.test(
    run.stdout + run.stderr,
  );
}

const wordsOf = (run: GitRun) => lastWords(`${run.stdout}\n${run.stderr}`);
