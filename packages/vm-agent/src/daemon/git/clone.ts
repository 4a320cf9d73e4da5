/**
 * Clones a workspace's checkout onto a new branch [R14][F42]. No hook or filter of the repository runs, and submodules are
 * cloned only if the project asks. The clone is made where no program of the workspace sees it, since git may have a login,
 * and is then moved. A copy of the fresh git settings and the clean repository stay outside for the finish.
 */
import type { Result } from "@samovar/base";
import { err, ok, redactText } from "@samovar/base";
import type { CheckoutOptions, Failure, HostUser } from "@samovar/contracts";
import { branchName } from "@samovar/contracts";
import { findFreeBranch } from "@samovar/domain/branch-name";
import { copyFile, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { emptyPlace, giveTree, makePlaces } from "../../users/places.ts";
import type { CheckoutPaths } from "./checkout-paths.ts";
import { createCleanRepository, getCleanHome } from "./clean-repository.ts";
import type { GitOptions } from "./git.ts";
import { git, getOutputTail, LFS_FILTERS } from "./git.ts";
import type { RequestLogin, GitLogin } from "./login.ts";
import { getLoginHost, getRefusalHint } from "./login.ts";
import { separateFiles } from "./separate-files.ts";
import type { RemoteRefs } from "./remote.ts";
import { isLocalPath, getProtocolSettings, readRemote, tryGit } from "./remote.ts";

export interface CloneInput {
  readonly repoUrl: string;
  readonly baseBranch: string | null;
  readonly branch: string;
  readonly commitIdentity: { readonly name: string; readonly email: string };
  readonly checkout: CheckoutOptions;
}

export interface ClonePorts {
  readonly signal: AbortSignal;
  /** The owner of the checkout; absent or null: the user of this process. */
  readonly user?: HostUser | null;
  /** Called only when an https remote refuses anonymous access. */
  readonly requestLogin: RequestLogin;
}

export interface Checkout {
  readonly branch: string;
  /** The commit that the branch starts from. */
  readonly baseCommit: string;
}

/** Starts from nothing each time, so that an interrupted clone is simply repeated. */
export async function cloneRepository(
  input: CloneInput,
  paths: CheckoutPaths,
  ports: ClonePorts,
): Promise<Result<Checkout, Failure>> {
  const { user = null } = ports;
  makePlaces(paths, user);
  await emptyPlace(paths.repo, user);
  await rm(paths.clean, { recursive: true, force: true });
  const home = getCleanHome(paths);
  await mkdir(home, { recursive: true, mode: 0o700 });
  await writeFile(paths.globalConfig, "[safe]\n\tdirectory = *\n", { mode: 0o600 });
  const { globalConfig } = paths;
  const options: GitOptions = { cwd: home, home, globalConfig, signal: ports.signal };

  if (!branchName.safeParse(input.branch).success)
    return err(createCloneFailure(`${input.branch} is not a usable branch name.`));
  const opened = await openRemote(input.repoUrl, options, ports.requestLogin);
  if (!opened.ok) return opened;
  const { refs, login } = opened.value;
  const base = chooseBase(input, refs);
  if (!base.ok) return base;
  const branch = findFreeBranch(input.branch, new Set(refs.branches.keys()));
  if (branch === null)
    return err(createCloneFailure(`The repository has too many branches named like ${input.branch}.`));
  if (input.checkout.lfs) {
    const version = await tryGit(["lfs", "version"], options);
    if (!version.ok) return version;
    if (version.value.code !== 0) return err(LFS_MISSING);
  }
  return fetchAndSwitch(input, { base: base.value.branch, branch, user }, paths, {
    ...options,
    login,
    lfs: input.checkout.lfs,
  });
}

async function emptyDirectory(path: string): Promise<void> {
  const names = await readdir(path).catch((): string[] => []);
  for (const name of names) await rm(join(path, name), { recursive: true, force: true });
}

interface OpenedRemote {
  readonly refs: RemoteRefs;
  /** Null where none was needed. */
  readonly login: GitLogin | null;
}

/** Tries anonymous access first, so that a login is used only where it is needed. */
async function openRemote(
  url: string,
  options: GitOptions,
  requestLogin: RequestLogin,
): Promise<Result<OpenedRemote, Failure>> {
  const open = await readRemote(url, options);
  if (open.ok) return ok({ refs: open.value, login: null });
  const host = getLoginHost(url);
  // Some hosts answer "not found" for private repositories.
  const mayBePrivate = open.error.code === "auth_failed" || (open.error.code === "repo_not_found" && host !== null);
  if (!mayBePrivate) return open;
  const loginResult = host === null ? null : await requestLogin();
  if (loginResult?.ok !== true || loginResult.value === null)
    return err(addHint(open.error, getRefusalHint(url, loginResult)));
  const login = loginResult.value;
  const refs = await readRemote(url, { ...options, login });
  if (refs.ok) return ok({ refs: refs.value, login });
  return err(refs.error.code === "auth_failed" ? addHint(refs.error, getRefusalHint(url, loginResult)) : refs.error);
}

const addHint = (failure: Failure, hint: string): Failure => ({
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
  { base, branch, user }: { readonly base: string | null; readonly branch: string; readonly user: HostUser | null },
  paths: CheckoutPaths,
  options: GitOptions,
): Promise<Result<Checkout, Failure>> {
  const remote = { ...options, settings: getProtocolSettings(input.repoUrl) };
  const fresh = join(paths.clean, "checkout");
  await mkdir(fresh);
  const cloned = await clone(input, base, fresh, remote);
  if (!cloned.ok) return cloned;

  const inRepo = { ...remote, cwd: fresh };
  const steps: readonly (readonly string[])[] = [
    // Fails for a name that git does not accept.
    ["switch", "--quiet", "--no-track", "--create", branch],
    ...(input.checkout.submodules ? [["submodule", "--quiet", "update", "--init", "--recursive"]] : []),
    ...(input.checkout.lfs ? LFS_FILTERS.map(createConfigArguments) : []),
  ];
  for (const step of steps) {
    const run = await git(step, inRepo);
    if (run.code !== 0) return err(createCloneFailure(getOutputTail(run.stderr)));
  }
  if (input.checkout.submodules) await separateFiles(join(fresh, ".git"));
  const head = await git(["rev-parse", "--verify", "HEAD^{commit}"], inRepo);
  if (head.code !== 0) return err(createCloneFailure(getOutputTail(head.stderr)));
  const baseCommit = head.stdout.trim();
  await createCleanRepository(join(fresh, ".git"), baseCommit, paths);
  await copyFile(join(fresh, ".git", "config"), paths.trustedConfig);
  await giveTree(fresh, user);
  // The checkout's directory itself stays, because the sandbox of a standby host may show it already.
  for (const name of await readdir(fresh)) await rename(join(fresh, name), join(paths.repo, name));
  await rm(fresh, { recursive: true });
  return ok({ branch, baseCommit });
}

/** Written to the checkout, so that the agent's git uses the LFS filters too. */
function createConfigArguments(setting: string): readonly string[] {
  const at = setting.indexOf("=");
  return ["config", "--local", setting.slice(0, at), setting.slice(at + 1)];
}

/**
 * A local path is copied in full through git's transport, without hard links into the source repository. A public remote
 * is cloned without file contents, which git fetches when they are needed. With a login everything is fetched now, because
 * the agent has no login. Some remotes advertise partial clones but fail to serve them: those are cloned in full.
 */
async function clone(
  input: CloneInput,
  baseBranch: string | null,
  directory: string,
  options: GitOptions,
): Promise<Result<null, Failure>> {
  const isLocal = isLocalPath(input.repoUrl);
  const canBePartial = !isLocal && options.login == null;
  if (canBePartial) {
    const partial = await tryGit(getCloneArguments(input, baseBranch, directory, ["--filter=blob:none"]), options);
    if (!partial.ok) return partial;
    if (partial.value.code === 0) return ok(null);
    if (!/promisor|unadvertised|not our ref|filter/i.test(partial.value.stderr))
      return err(createCloneFailure(getOutputTail(partial.value.stderr)));
    await emptyDirectory(directory);
  }
  const full = await tryGit(getCloneArguments(input, baseBranch, directory, isLocal ? ["--no-local"] : []), options);
  if (!full.ok) return full;
  return full.value.code === 0 ? ok(null) : err(createCloneFailure(getOutputTail(full.value.stderr)));
}

function getCloneArguments(
  { repoUrl, commitIdentity: { name, email } }: CloneInput,
  baseBranch: string | null,
  directory: string,
  extra: readonly string[],
): readonly string[] {
  return [
    "clone",
    "--quiet",
    "--template=",
    "--no-recurse-submodules",
    `--config=user.name=${name}`,
    `--config=user.email=${email}`,
    ...extra,
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

const createCloneFailure = (reason: string): Failure => ({
  code: "clone_failed",
  message: redactText(`The repository could not be cloned: ${reason}`).slice(0, 4000),
});
