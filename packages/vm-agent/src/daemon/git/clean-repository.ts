/**
 * The clean repository of a workspace: bare, beside the checkout, and seen by none of the workspace's programs. Commits come
 * into it as a pack, which is data, and git gets a login only here. So nothing of an agent's decides what runs on the node:
 * no settings, no attributes, no alternates, no links. Keeps S1.
 */
import { constants } from "node:fs";
import { copyFile, cp, lstat, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { CheckoutPaths } from "./checkout-paths.ts";
import type { GitOptions, GitRun } from "./git.ts";
import { expectSuccess, getOutputTail, git } from "./git.ts";
import { getProtocolSettings } from "./remote.ts";

/** More than any commit that a host takes. */
const PACK_MAX_BYTES = 4 * 1024 ** 3;
/** The commit that the work ends with; the base commit is HEAD. */
const WORK_REF = "refs/samovar/work";

const getGitDir = ({ clean }: CheckoutPaths): string => join(clean, "repository.git");
/** HOME of git on the node: git, curl and ssh would read settings there, so it is not the workspace's. */
export const getCleanHome = ({ clean }: CheckoutPaths): string => join(clean, "home");

/** Options for git in the clean repository. `repoUrl`: the only remote, whose protocol alone is allowed. */
export function getCleanOptions(
  { repoUrl, lfs, signal }: { readonly repoUrl: string; readonly lfs: boolean; readonly signal: AbortSignal },
  paths: CheckoutPaths,
): GitOptions {
  const gitDir = getGitDir(paths);
  return {
    cwd: gitDir,
    home: getCleanHome(paths),
    globalConfig: paths.globalConfig,
    repository: { gitDir },
    settings: [
      "protocol.allow=never",
      ...ALLOWED.map((name) => `protocol.${name}.allow=always`),
      ...getProtocolSettings(repoUrl),
    ],
    lfs,
    signal,
  };
}

const ALLOWED = ["http", "https", "ssh"];

/**
 * Makes it of a fresh clone, which no program of the workspace has seen yet: with the same settings, refs and objects. The
 * objects are copies where the file system cannot share blocks, because an agent may write to its own.
 */
export async function createCleanRepository(
  cloneGitDir: string,
  baseCommit: string,
  paths: CheckoutPaths,
): Promise<void> {
  const gitDir = getGitDir(paths);
  await rm(gitDir, { recursive: true, force: true });
  await mkdir(join(gitDir, "refs"), { recursive: true });
  await cp(join(cloneGitDir, "objects"), join(gitDir, "objects"), {
    recursive: true,
    mode: constants.COPYFILE_FICLONE,
  });
  const refs = join(cloneGitDir, "packed-refs");
  if ((await lstat(refs).catch(() => null)) !== null) await copyFile(refs, join(gitDir, "packed-refs"));
  const config = await readFile(join(cloneGitDir, "config"), "utf8");
  await writeFile(join(gitDir, "config"), config.replace(/^\tbare = false$/m, "\tbare = true"));
  await writeFile(join(gitDir, "HEAD"), `${baseCommit}\n`);
}

/** For a workspace that was cloned by an earlier vm-agent: fetches the remote's branches. */
export async function ensureCleanRepository(
  baseCommit: string,
  repoUrl: string,
  paths: CheckoutPaths,
  options: GitOptions,
): Promise<void> {
  const gitDir = getGitDir(paths);
  if ((await lstat(join(gitDir, "HEAD")).catch(() => null)) !== null) return;
  await mkdir(getCleanHome(paths), { recursive: true, mode: 0o700 });
  const { repository: _none, ...before } = options;
  await expectSuccess(["init", "--quiet", "--bare", "--", gitDir], { ...before, cwd: getCleanHome(paths) });
  await expectSuccess(["config", "remote.origin.url", repoUrl], options);
  await expectSuccess(["fetch", "--quiet", "--no-tags", "--", repoUrl, "refs/heads/*:refs/remotes/origin/*"], options);
  await writeFile(join(gitDir, "HEAD"), `${baseCommit}\n`);
}

/**
 * Copies the commits from the base commit to `head` out of the checkout, checked as a fetch would check them: git in the
 * workspace's shell writes a pack, and git here reads it as data. `head`: the checkout's word. Throws when git fails.
 */
export async function importCommits(
  { head, baseCommit }: { readonly head: string; readonly baseCommit: string },
  checkout: GitOptions,
  clean: GitOptions,
  maxBytes = PACK_MAX_BYTES,
): Promise<void> {
  const args = ["index-pack", "--stdin", "--strict", `--max-input-size=${maxBytes}`];
  let packed: GitRun | null = null;
  const read = await git(args, clean, {
    write: async (stdin) => {
      packed = await git(PACK, checkout, { input: `${head}\n^${baseCommit}\n`, sink: stdin }).finally(() =>
        stdin.end(),
      );
    },
  });
  throwUnlessPacked(packed);
  if (read.code !== 0) throw new Error(`the commits are damaged or too large: ${getOutputTail(read.stderr)}`);
  await mkdir(join(clean.cwd, dirname(WORK_REF)), { recursive: true });
  await writeFile(join(clean.cwd, WORK_REF), `${head}\n`);
}

/** Complete without the base commit's files, so that no object of another repository is needed to read it. */
const PACK = ["-c", "pack.useBitmaps=false", "pack-objects", "--revs", "--stdout", "--quiet", "--delta-base-offset"];

function throwUnlessPacked(packed: GitRun | null): void {
  if (packed !== null && packed.code === 0) return;
  throw new Error(`git pack-objects failed: ${getOutputTail(packed?.stderr ?? "")}`);
}

/**
 * Writes a bundle of the imported commits to `file`. A bundle holds branches, and here the work's one is the only one,
 * whatever branches the agent left.
 */
export async function writeBundle(
  { branch, baseCommit, file }: { readonly branch: string; readonly baseCommit: string; readonly file: string },
  clean: GitOptions,
): Promise<void> {
  await rm(file, { force: true });
  await rm(join(clean.cwd, "refs/heads"), { recursive: true, force: true });
  await expectSuccess(["update-ref", `refs/heads/${branch}`, WORK_REF], clean);
  await expectSuccess(["bundle", "create", "--quiet", file, `refs/heads/${branch}`, `^${baseCommit}`], clean);
}
