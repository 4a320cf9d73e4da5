/**
 * The changes in a checkout that its agent owns and may be writing to: the checkout is not modified, and git reads none of
 * its settings. The comparison uses a temporary index and configuration. Keeps S1.
 */
import type { Result } from "@samovar/base";
import { err, errorMessage, ok, redactText } from "@samovar/base";
import type { Failure, WorkspaceDiff } from "@samovar/contracts";
import { headOfJson, jsonBytes } from "@samovar/domain/text-limits";
import { copyFile, lstat, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CheckoutPaths } from "../git/clone.ts";
import type { GitOptions, GitRun } from "../git/git.ts";
import { git, getOutputTail } from "../git/git.ts";

export interface WorkspaceDiffInput {
  readonly paths: CheckoutPaths;
  /** The workspace's directory, in which the temporary git directory is created. */
  readonly directory: string;
  /** The commit that the task's branch started from. */
  readonly baseCommit: string;
  readonly signal: AbortSignal;
}

/** Bytes of the diff's JSON: together with the list of files it fits into one frame of the link. */
const DIFF_MAX_BYTES = 512 * 1024;
const FILES_MAX_BYTES = 256 * 1024;
/** Limits of new files in the diff. */
const NEW_FILES_MAX = 200;
const NEW_FILE_MAX_BYTES = 256 * 1024;
const INDEX_MAX_BYTES = 128 * 1024 * 1024;
const GIT_TIMEOUT_MS = 8_000;

/** Nothing is fetched: objects that are not in the checkout are not shown. */
const SETTINGS: readonly string[] = [
  ...["file", "ext", "git", "ssh", "http", "https"].map((protocol) => `protocol.${protocol}.allow=never`),
  "protocol.allow=never",
  "core.bigFileThreshold=4m",
  "core.quotePath=false",
];
const COMPARE: readonly string[] = [
  "--no-color",
  "--no-ext-diff",
  "--no-textconv",
  "--find-renames",
  "--ignore-submodules=dirty",
];

type Files = WorkspaceDiff["files"];

/** Returns a failure when the checkout cannot be read. Throws only an abort's reason. */
export async function readWorkspaceDiff(input: WorkspaceDiffInput): Promise<Result<WorkspaceDiff, Failure>> {
  const temporary = await mkdtemp(join(input.directory, "diff-"));
  try {
    return ok(await compare(input, temporary));
  } catch (error) {
    input.signal.throwIfAborted();
    const message = redactText(`The checkout at ${input.paths.repo} cannot be read: ${errorMessage(error)}`);
    return err({ code: "diff_failed", message: message.slice(0, 4000) });
  } finally {
    await rm(temporary, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function compare({ paths, baseCommit, signal }: WorkspaceDiffInput, temporary: string): Promise<WorkspaceDiff> {
  const theirs = join(paths.repo, ".git");
  const entry = await lstat(theirs).catch(() => null);
  if (entry === null || !entry.isDirectory()) throw new Error("its .git directory is missing");
  const options = (gitDir: string): GitOptions => ({
    cwd: paths.repo,
    home: paths.home,
    globalConfig: paths.globalConfig,
    repository: { gitDir, workTree: paths.repo },
    settings: SETTINGS,
    signal,
    timeoutMs: GIT_TIMEOUT_MS,
  });
  const head = await readHead(options(theirs));
  await makeTemporaryGitDirectory(temporary, theirs, paths.trustedConfig, head.commit);
  const ours = options(temporary);
  await readIndex(temporary, theirs, head.commit, ours);
  const tracked = await listTrackedChanges(baseCommit, ours);
  const untracked = await listUntrackedFiles(ours);
  const isPartOfDiff = await addNewFiles(untracked, paths.repo, ours);
  const compared = await git(["diff", ...COMPARE, "--src-prefix=a/", "--dst-prefix=b/", baseCommit, "--"], ours);
  if (compared.code !== 0) throw createGitError("diff", compared);
  const files = cutFiles([...tracked, ...untracked.map((path) => ({ path, change: "untracked" as const }))]);
  const diff = cutDiff(compared.stdout);
  return {
    path: paths.repo,
    branch: head.branch,
    head: head.commit,
    files: files.files,
    diff: diff.text,
    truncated: diff.cut || files.cut || !isPartOfDiff,
  };
}

/** Reads only ref names of the agent's repository, so that git touches no object, program or other repository. */
async function readHead(options: GitOptions): Promise<{ branch: string | null; commit: string | null }> {
  const branch = await git(["symbolic-ref", "--quiet", "--short", "HEAD"], options);
  const commit = await git(["rev-parse", "--verify", "--quiet", "HEAD"], options);
  if (branch.code > 1) throw createGitError("symbolic-ref", branch);
  const sha = commit.stdout.trim();
  return {
    branch: branch.code === 0 ? branch.stdout.trim() : null,
    commit: /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(sha) ? sha : null,
  };
}

/** Uses the settings of the fresh clone. Objects are read from the checkout; none are written to it. */
async function makeTemporaryGitDirectory(
  temporary: string,
  theirs: string,
  trustedConfig: string,
  commit: string | null,
): Promise<void> {
  await mkdir(join(temporary, "refs"), { recursive: true });
  await mkdir(join(temporary, "objects", "info"), { recursive: true });
  await writeFile(join(temporary, "objects", "info", "alternates"), `${join(theirs, "objects")}\n`);
  await writeFile(join(temporary, "HEAD"), `${commit ?? "ref: refs/heads/unborn"}\n`);
  await copyFile(trustedConfig, join(temporary, "config"));
}

/** Copies the agent's index, which saves reading every file again; an index that git cannot read is rebuilt from the commit. */
async function readIndex(temporary: string, theirs: string, commit: string | null, options: GitOptions): Promise<void> {
  const entry = await lstat(join(theirs, "index")).catch(() => null);
  if (entry?.isFile() === true && entry.size <= INDEX_MAX_BYTES) {
    await copyFile(join(theirs, "index"), join(temporary, "index"));
    const read = await git(["ls-files", "--", ".git"], options);
    if (read.code === 0) return;
    await rm(join(temporary, "index"), { force: true });
  }
  if (commit === null) return;
  const made = await git(["read-tree", commit], options);
  if (made.code !== 0) throw createGitError("read-tree", made);
}

async function listTrackedChanges(base: string, options: GitOptions): Promise<Files> {
  const run = await git(["diff", ...COMPARE, "--name-status", "-z", base, "--"], options);
  if (run.code !== 0) throw createGitError("diff", run);
  const words = run.stdout.split("\0");
  const files: Files = [];
  for (let at = 0; at + 1 < words.length;) {
    const status = words[at]?.charAt(0) ?? "";
    const isPair = status === "R" || status === "C";
    const path = words[at + (isPair ? 2 : 1)] ?? "";
    files.push({ path, change: CHANGES[status] ?? "modified" });
    at += isPair ? 3 : 2;
  }
  return files;
}

const CHANGES: Readonly<Record<string, Files[number]["change"]>> = {
  A: "added",
  C: "added",
  D: "deleted",
  R: "renamed",
};

/** A nested repository is one entry that ends with a slash. */
async function listUntrackedFiles(options: GitOptions): Promise<string[]> {
  const run = await git(["ls-files", "--others", "--exclude-standard", "-z"], options);
  if (run.code !== 0) throw createGitError("ls-files", run);
  return run.stdout.split("\0").filter((path) => path !== "");
}

/** Adds new files to the diff; returns whether all of them were added. */
async function addNewFiles(untracked: readonly string[], repo: string, options: GitOptions): Promise<boolean> {
  const candidates = untracked.slice(0, NEW_FILES_MAX).filter((path) => !path.endsWith("/"));
  const small: string[] = [];
  for (const path of candidates) {
    const entry = await lstat(join(repo, path)).catch(() => null);
    const isShown = entry !== null && (entry.isSymbolicLink() || (entry.isFile() && entry.size <= NEW_FILE_MAX_BYTES));
    if (isShown) small.push(path);
  }
  // A file that vanishes meanwhile is skipped; the rest is still added.
  if (small.length > 0)
    await git(["--literal-pathspecs", "add", "--intent-to-add", "--ignore-errors", "--", ...small], options);
  return small.length === untracked.length;
}

function cutFiles(all: Files): { readonly files: Files; readonly cut: boolean } {
  let available = FILES_MAX_BYTES;
  const end = all.findIndex((file) => (available -= jsonBytes(file) + 1) < 0);
  return end === -1 ? { files: all, cut: false } : { files: all.slice(0, end), cut: true };
}

/** Cuts at the end of a line. */
function cutDiff(text: string): { readonly text: string; readonly cut: boolean } {
  const head = headOfJson(text.toWellFormed(), DIFF_MAX_BYTES);
  return head.cut ? { text: head.text.slice(0, head.text.lastIndexOf("\n") + 1), cut: true } : head;
}

const createGitError = (command: string, run: GitRun): Error =>
  new Error(`git ${command}: ${getOutputTail(run.stderr)}`);
