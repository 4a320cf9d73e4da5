/**
 * Makes a workspace's checkout on a branch of its own [R14][F42]. Nothing of the repository runs: no hook, no
 * filter, and no submodule but where the project asks. A copy of the fresh git settings is kept outside, for the finish.
 */
import type { Result } from "@samovar/base";
import { err, ok, redactText } from "@samovar/base";
import type { CheckoutOptions, Failure } from "@samovar/contracts";
import { branchName } from "@samovar/contracts";
import { findFreeBranch } from "@samovar/domain/branch-name";
import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { GitOptions } from "./git.ts";
import { git, lastWords, LFS_FILTERS } from "./git.ts";
import type { AskLogin, GitLogin } from "./login.ts";
import { loginHost, refusalHint } from "./login.ts";
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
  /** Where commits that cannot be pushed are put. */
  readonly bundle: string;
}

export interface CloneInput {
  readonly repoUrl: string;
  readonly baseBranch: string | null;
  readonly branch: string;
  readonly commitIdentity: { readonly name: string; readonly email: string };
  readonly checkout: CheckoutOptions;
}

export interface ClonePorts {
  readonly signal: AbortSignal;
  /** Asked only when an https remote refuses whoever has no name. */
  readonly askLogin: AskLogin;
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
  ports: ClonePorts,
): Promise<Result<Checkout, Failure>> {
  await rm(places.repo, { recursive: true, force: true });
  await mkdir(join(places.home, ".config"), { recursive: true, mode: 0o700 });
  await writeFile(places.globalConfig, "[safe]\n\tdirectory = *\n", { mode: 0o600 });
  const { home, globalConfig } = places;
  const options: GitOptions = { cwd: home, home, globalConfig, signal: ports.signal };

  if (!branchName.safeParse(input.branch).success)
    return err(cloneFailed(`${input.branch} is not a usable branch name.`));
  const opened = await openRemote(input.repoUrl, options, ports.askLogin);
  if (!opened.ok) return opened;
  const { refs, login } = opened.value;
  const base = chooseBase(input, refs);
  if (!base.ok) return base;
  const branch = findFreeBranch(input.branch, new Set(refs.branches.keys()));
  if (branch === null) return err(cloneFailed(`The repository has too many branches named like ${input.branch}.`));
  if (input.checkout.lfs) {
    const version = await tryGit(["lfs", "version"], options);
    if (!version.ok) return version;
    if (version.value.code !== 0) return err(LFS_MISSING);
  }
  return fetchAndSwitch(input, base.value, branch, places, { ...options, login, lfs: input.checkout.lfs });
}

interface OpenedRemote {
  readonly refs: RemoteRefs;
  /** Null where none was needed. */
  readonly login: GitLogin | null;
}

/** First as anybody may: a login is used only where it is needed. */
async function openRemote(
  url: string,
  options: GitOptions,
  askLogin: AskLogin,
): Promise<Result<OpenedRemote, Failure>> {
  const open = await readRemote(url, options);
  if (open.ok) return ok({ refs: open.value, login: null });
  const host = loginHost(url);
  // Some hosts deny that there is what they do not show.
  const mayBeClosed = open.error.code === "auth_failed" || (open.error.code === "repo_not_found" && host !== null);
  if (!mayBeClosed) return open;
  const asked = host === null ? null : await askLogin();
  if (asked?.ok !== true || asked.value === null) return err(hinted(open.error, refusalHint(url, asked)));
  const login = asked.value;
  const refs = await readRemote(url, { ...options, login });
  if (refs.ok) return ok({ refs: refs.value, login });
  return err(refs.error.code === "auth_failed" ? hinted(refs.error, refusalHint(url, asked)) : refs.error);
}

const hinted = (failure: Failure, hint: string): Failure => ({
  ...failure,
  message: `${failure.message}\n${hint}`.slice(0, 4000),
});

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
  const cloned = await clone(input, base.branch, places.repo, remote);
  if (!cloned.ok) return cloned;

  const inRepo = { ...remote, cwd: places.repo };
  const steps: readonly (readonly string[])[] = [
    // Refuses a name that git itself does not take.
    ["switch", "--quiet", "--no-track", "--create", branch],
    ...(input.checkout.submodules ? [["submodule", "--quiet", "update", "--init", "--recursive"]] : []),
    ...(input.checkout.lfs ? LFS_FILTERS.map(localSetting) : []),
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

/** So that the agent's own git writes pointers as well. */
function localSetting(setting: string): readonly string[] {
  const at = setting.indexOf("=");
  return ["config", "--local", setting.slice(0, at), setting.slice(at + 1)];
}

/**
 * A local path is copied whole through git's own transport (no hard links into somebody's repository). From a
 * remote that anybody may read, file contents come when they are needed; where a login was needed all of them come
 * now, for the agent has none. Some remotes offer to send contents later and then do not: they are asked for all.
 */
async function clone(
  input: CloneInput,
  baseBranch: string | null,
  directory: string,
  options: GitOptions,
): Promise<Result<null, Failure>> {
  const isLocal = isLocalPath(input.repoUrl);
  const mayComeLater = !isLocal && options.login == null;
  if (mayComeLater) {
    const lean = await tryGit(cloneArguments(input, baseBranch, directory, ["--filter=blob:none"]), options);
    if (!lean.ok) return lean;
    if (lean.value.code === 0) return ok(null);
    if (!/promisor|unadvertised|not our ref|filter/i.test(lean.value.stderr))
      return err(cloneFailed(lastWords(lean.value.stderr)));
    await rm(directory, { recursive: true, force: true });
  }
  const whole = await tryGit(cloneArguments(input, baseBranch, directory, isLocal ? ["--no-local"] : []), options);
  if (!whole.ok) return whole;
  return whole.value.code === 0 ? ok(null) : err(cloneFailed(lastWords(whole.value.stderr)));
}

function cloneArguments(
  { repoUrl, commitIdentity: { name, email } }: CloneInput,
  baseBranch: string | null,
  directory: string,
  amount: readonly string[],
): readonly string[] {
  return [
    "clone",
    "--quiet",
    "--template=",
    "--no-recurse-submodules",
    `--config=user.name=${name}`,
    `--config=user.email=${email}`,
    ...amount,
    ...(baseBranch === null ? [] : [`--branch=${baseBranch}`]),
    "--",
    repoUrl,
    directory,
  ];
}

const LFS_MISSING: Failure = {
  code: "lfs_missing",
  message:
    "The project asks for Git LFS, and git-lfs is not installed on this node. Install it there, or turn LFS off in the project's settings.",
};

const cloneFailed = (words: string): Failure => ({
  code: "clone_failed",
  message: redactText(`The repository could not be cloned: ${words}`).slice(0, 4000),
});
