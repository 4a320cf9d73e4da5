/**
 * Makes a workspace's checkout on a branch of its own [R14][F42]. Nothing of the repository runs: no hook, no
 * submodule, no filter. A copy of the fresh git settings is kept outside the checkout, for the finish.
 */
import type { Result } from "@samovar/base";
import { err, ok, redactText } from "@samovar/base";
import type { Failure } from "@samovar/contracts";
import { branchName } from "@samovar/contracts";
import { freeBranch } from "@samovar/domain/branch-name";
import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { GitOptions } from "./git.ts";
import { git, lastWords } from "./git.ts";
import type { RemoteRefs } from "./remote.ts";
import { isLocalPath, protocolSettings, readRemote, tryGit } from "./remote.ts";

export interface CheckoutPlaces {
  /** The checkout. */
  readonly repo: string;
  readonly home: string;
  /** Git settings of the fresh checkout, out of the agent's working directory. */
  readonly trustedConfig: string;
  /** Git settings that hold for every git here. */
  readonly globalConfig: string;
}

export interface CloneInput {
  readonly repoUrl: string;
  readonly baseBranch: string | null;
  readonly branch: string;
  readonly commitIdentity: { readonly name: string; readonly email: string };
}

export interface Checkout {
  readonly branch: string;
  /** The commit that the branch begins at. */
  readonly baseCommit: string;
}

/** Starts from nothing each time, so that a clone that was cut off is simply made again. */
export async function cloneRepository(
  input: CloneInput,
  places: CheckoutPlaces,
  signal: AbortSignal,
): Promise<Result<Checkout, Failure>> {
  await rm(places.repo, { recursive: true, force: true });
  await mkdir(join(places.home, ".config"), { recursive: true, mode: 0o700 });
  await writeFile(places.globalConfig, "[safe]\n\tdirectory = *\n", { mode: 0o600 });
  const options: GitOptions = { cwd: places.home, home: places.home, globalConfig: places.globalConfig, signal };

  if (!branchName.safeParse(input.branch).success)
    return err(cloneFailed(`${input.branch} is not a usable branch name.`));
  const refs = await readRemote(input.repoUrl, options);
  if (!refs.ok) return refs;
  const base = chooseBase(input, refs.value);
  if (!base.ok) return base;
  const branch = freeBranch(input.branch, new Set(refs.value.branches.keys()));
  if (branch === null) return err(cloneFailed(`The repository has too many branches named like ${input.branch}.`));
  return fetchAndSwitch(input, base.value, branch, places, options);
}

function chooseBase(input: CloneInput, refs: RemoteRefs): Result<{ readonly branch: string | null }, Failure> {
  if (refs.branches.size === 0 && refs.headCommit === null) {
    return err({
      code: "empty_repository",
      message: `The repository ${input.repoUrl} has no commit yet. Make a first commit and run the task again.`,
    });
  }
  if (input.baseBranch === null) {
    if (refs.headCommit !== null) return ok({ branch: refs.defaultBranch });
    return err({
      code: "base_branch_missing",
      message: "The repository's default branch has no commit. Name the branch to start from.",
    });
  }
  if (refs.branches.has(input.baseBranch)) return ok({ branch: input.baseBranch });
  const known = [...refs.branches.keys()].slice(0, 10).join(", ");
  return err({
    code: "base_branch_missing",
    message: `The repository has no branch ${input.baseBranch}. It has: ${known}.`,
  });
}

async function fetchAndSwitch(
  input: CloneInput,
  base: { readonly branch: string | null },
  branch: string,
  places: CheckoutPlaces,
  options: GitOptions,
): Promise<Result<Checkout, Failure>> {
  const remote = { ...options, settings: protocolSettings(input.repoUrl) };
  const cloned = await tryGit(cloneArguments(input.repoUrl, base.branch, places.repo), remote);
  if (!cloned.ok) return cloned;
  if (cloned.value.code !== 0) return err(cloneFailed(lastWords(cloned.value.stderr)));

  const inRepo = { ...remote, cwd: places.repo };
  const steps: readonly (readonly string[])[] = [
    ["check-ref-format", "--branch", branch],
    ["config", "--local", "user.name", input.commitIdentity.name],
    ["config", "--local", "user.email", input.commitIdentity.email],
    ["switch", "--quiet", "--no-track", "--create", branch],
  ];
  for (const step of steps) {
    const run = await git(step, inRepo);
    if (run.code !== 0) return err(cloneFailed(lastWords(run.stderr)));
  }
  const head = await git(["rev-parse", "--verify", "HEAD^{commit}"], inRepo);
  if (head.code !== 0) return err(cloneFailed(lastWords(head.stderr)));
  await copyFile(join(places.repo, ".git", "config"), places.trustedConfig);
  return ok({ branch, baseCommit: head.stdout.trim() });
}

/**
 * A local path is copied whole through git's own transport (no hard links into somebody's repository); from a
 * remote, file contents come when they are needed.
 */
function cloneArguments(url: string, baseBranch: string | null, directory: string): readonly string[] {
  return [
    "clone",
    "--quiet",
    "--template=",
    "--no-recurse-submodules",
    ...(isLocalPath(url) ? ["--no-local"] : ["--filter=blob:none"]),
    ...(baseBranch === null ? [] : [`--branch=${baseBranch}`]),
    "--",
    url,
    directory,
  ];
}

const cloneFailed = (words: string): Failure => ({
  code: "clone_failed",
  message: redactText(`The repository could not be cloned: ${words}`).slice(0, 4000),
});
