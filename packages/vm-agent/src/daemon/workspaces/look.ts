/**
 * A look into a checkout that its agent owns, and may be writing to right now: nothing of it is changed, and git
 * reads none of its settings. It compares by an index and settings of its own, made for the one look. Keeps S1.
 */
import type { Result } from "@samovar/base";
import { err, errorMessage, ok, redactText } from "@samovar/base";
import type { Failure, WorkspaceDiff } from "@samovar/contracts";
import { headOfJson, jsonBytes } from "@samovar/domain/text-limits";
import { copyFile, lstat, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CheckoutPlaces } from "../git/clone.ts";
import type { GitOptions, GitRun } from "../git/git.ts";
import { git, lastWords } from "../git/git.ts";

export interface LookInput {
  readonly places: CheckoutPlaces;
  /** The workspace's own directory; holds what the look needs for as long as it lasts. */
  readonly directory: string;
  /** The commit that the work began at. */
  readonly baseCommit: string;
  readonly signal: AbortSignal;
}

/** Bytes of the diff's JSON: with the list of files it stays well below one frame of the link. */
const DIFF_MAX_BYTES = 512 * 1024;
const FILES_MAX_BYTES = 256 * 1024;
/** New files up to these are part of the diff. */
const NEW_FILES_MAX = 200;
const NEW_FILE_MAX_BYTES = 256 * 1024;
const INDEX_MAX_BYTES = 128 * 1024 * 1024;
const GIT_TIMEOUT_MS = 8_000;

/** No look fetches: what is not in the checkout is not shown. */
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

/** Fails with a sentence when the checkout cannot be read. Throws only an abort's reason. */
export async function lookInto(input: LookInput): Promise<Result<WorkspaceDiff, Failure>> {
  const own = await mkdtemp(join(input.directory, "look-"));
  try {
    return ok(await look(input, own));
  } catch (error) {
    input.signal.throwIfAborted();
    const message = redactText(`The checkout at ${input.places.repo} cannot be read: ${errorMessage(error)}`);
    return err({ code: "look_failed", message: message.slice(0, 4000) });
  } finally {
    await rm(own, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function look({ places, baseCommit, signal }: LookInput, own: string): Promise<WorkspaceDiff> {
  const theirs = join(places.repo, ".git");
  const entry = await lstat(theirs).catch(() => null);
  if (entry === null || !entry.isDirectory()) throw new Error("its .git directory is gone");
  const options = (gitDir: string): GitOptions => ({
    cwd: places.repo,
    home: places.home,
    globalConfig: places.globalConfig,
    repository: { gitDir, workTree: places.repo },
    settings: SETTINGS,
    signal,
    timeoutMs: GIT_TIMEOUT_MS,
  });
  const head = await headOf(options(theirs));
  await makeOwnGitDirectory(own, theirs, places.trustedConfig, head.commit);
  const ours = options(own);
  await readIndex(own, theirs, head.commit, ours);
  const tracked = await trackedChanges(baseCommit, ours);
  const untracked = await untrackedFiles(ours);
  const isPartOfDiff = await addNewFiles(untracked, places.repo, ours);
  const compared = await git(["diff", ...COMPARE, "--src-prefix=a/", "--dst-prefix=b/", baseCommit, "--"], ours);
  if (compared.code !== 0) throw failed("diff", compared);
  const files = cutFiles([...tracked, ...untracked.map((path) => ({ path, change: "untracked" as const }))]);
  const diff = cutDiff(compared.stdout);
  return {
    path: places.repo,
    branch: head.branch,
    head: head.commit,
    files: files.files,
    diff: diff.text,
    truncated: diff.cut || files.cut || !isPartOfDiff,
  };
}

/** Only names are read of the agent's own repository: no object, no program, no other repository. */
async function headOf(options: GitOptions): Promise<{ branch: string | null; commit: string | null }> {
  const branch = await git(["symbolic-ref", "--quiet", "--short", "HEAD"], options);
  const commit = await git(["rev-parse", "--verify", "--quiet", "HEAD"], options);
  if (branch.code > 1) throw failed("symbolic-ref", branch);
  const sha = commit.stdout.trim();
  return {
    branch: branch.code === 0 ? branch.stdout.trim() : null,
    commit: /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(sha) ? sha : null,
  };
}

/** The settings are those of the fresh clone; objects are read from the checkout, and none is written there. */
async function makeOwnGitDirectory(
  own: string,
  theirs: string,
  trustedConfig: string,
  commit: string | null,
): Promise<void> {
  await mkdir(join(own, "refs"), { recursive: true });
  await mkdir(join(own, "objects", "info"), { recursive: true });
  await writeFile(join(own, "objects", "info", "alternates"), `${join(theirs, "objects")}\n`);
  await writeFile(join(own, "HEAD"), `${commit ?? "ref: refs/heads/unborn"}\n`);
  await copyFile(trustedConfig, join(own, "config"));
}

/** The agent's index spares reading every file again; one that does not stand alone is made anew from the commit. */
async function readIndex(own: string, theirs: string, commit: string | null, options: GitOptions): Promise<void> {
  const entry = await lstat(join(theirs, "index")).catch(() => null);
  if (entry?.isFile() === true && entry.size <= INDEX_MAX_BYTES) {
    await copyFile(join(theirs, "index"), join(own, "index"));
    const read = await git(["ls-files", "--", ".git"], options);
    if (read.code === 0) return;
    await rm(join(own, "index"), { force: true });
  }
  if (commit === null) return;
  const made = await git(["read-tree", commit], options);
  if (made.code !== 0) throw failed("read-tree", made);
}

async function trackedChanges(base: string, options: GitOptions): Promise<Files> {
  const run = await git(["diff", ...COMPARE, "--name-status", "-z", base, "--"], options);
  if (run.code !== 0) throw failed("diff", run);
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

/** A directory that is a repository of its own stands as one entry that ends with a slash. */
async function untrackedFiles(options: GitOptions): Promise<string[]> {
  const run = await git(["ls-files", "--others", "--exclude-standard", "-z"], options);
  if (run.code !== 0) throw failed("ls-files", run);
  return run.stdout.split("\0").filter((path) => path !== "");
}

/** Makes new files part of the diff; answers whether it has them all. */
async function addNewFiles(untracked: readonly string[], repo: string, options: GitOptions): Promise<boolean> {
  const candidates = untracked.slice(0, NEW_FILES_MAX).filter((path) => !path.endsWith("/"));
  const small: string[] = [];
  for (const path of candidates) {
    const entry = await lstat(join(repo, path)).catch(() => null);
    const isShown = entry !== null && (entry.isSymbolicLink() || (entry.isFile() && entry.size <= NEW_FILE_MAX_BYTES));
    if (isShown) small.push(path);
  }
  // What vanishes meanwhile is left out; the rest is added all the same.
  if (small.length > 0)
    await git(["--literal-pathspecs", "add", "--intent-to-add", "--ignore-errors", "--", ...small], options);
  return small.length === untracked.length;
}

function cutFiles(all: Files): { readonly files: Files; readonly cut: boolean } {
  let room = FILES_MAX_BYTES;
  const end = all.findIndex((file) => (room -= jsonBytes(file) + 1) < 0);
  return end === -1 ? { files: all, cut: false } : { files: all.slice(0, end), cut: true };
}

/** Ends with a whole line. */
function cutDiff(text: string): { readonly text: string; readonly cut: boolean } {
  const head = headOfJson(text.toWellFormed(), DIFF_MAX_BYTES);
  return head.cut ? { text: head.text.slice(0, head.text.lastIndexOf("\n") + 1), cut: true } : head;
}

const failed = (command: string, run: GitRun): Error => new Error(`git ${command}: ${lastWords(run.stderr)}`);
