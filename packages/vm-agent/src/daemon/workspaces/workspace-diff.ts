/**
 * The changes in a checkout that its agent owns and may be writing to: the checkout is not modified, and git reads none of
 * its settings. The comparison uses a temporary index and configuration. It runs with the agent's rights, in a shell of its
 * runtime, so that no link shows what the agent could not read itself. Keeps S1.
 */
import type { Result } from "@samovar/base";
import { err, errorMessage, ok, redactText } from "@samovar/base";
import type { Failure, WorkspaceDiff } from "@samovar/contracts";
import { headOfJson, jsonBytes } from "@samovar/domain/text-limits";
import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";
import { SEEN } from "../../runtime/sandbox-arguments.ts";
import { ShellEndedError, type WorkspaceShell } from "../../runtime/workspace-shell.ts";
import { makePlace } from "../../users/places.ts";
import type { CheckoutPaths } from "../git/checkout-paths.ts";
import type { CheckoutRuntime } from "../git/checkout-shell.ts";
import { getCheckoutOptions, withCheckoutShell } from "../git/checkout-shell.ts";
import type { GitOptions, GitRun } from "../git/git.ts";
import { getNodePath, git, getOutputTail, runBesideGit } from "../git/git.ts";

export interface WorkspaceDiffInput extends CheckoutRuntime {
  readonly paths: CheckoutPaths;
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
  try {
    return ok(await compareInShell(input));
  } catch (error) {
    input.signal.throwIfAborted();
    const message = redactText(`The checkout at ${input.paths.repo} cannot be read: ${errorMessage(error)}`);
    return err({ code: "diff_failed", message: message.slice(0, 4000) });
  }
}

async function compareInShell(input: WorkspaceDiffInput): Promise<WorkspaceDiff> {
  makePlace(input.paths.tmp, input.user ?? null);
  const work = () => withCheckoutShell(input, input.paths, (shell) => compare(input, shell));
  // The end of a session kills all processes of its workspace's user, this shell too, so one retry is enough.
  return work().catch((error: unknown) => {
    if (error instanceof ShellEndedError && !input.signal.aborted) return work();
    throw error;
  });
}

type ShellGit = GitOptions & { readonly shell: WorkspaceShell };

async function compare(
  { paths, baseCommit, signal }: WorkspaceDiffInput,
  shell: WorkspaceShell,
): Promise<WorkspaceDiff> {
  const theirs = getCheckoutOptions(shell, { settings: SETTINGS, signal, timeoutMs: GIT_TIMEOUT_MS });
  const head = await readHead(theirs);
  const gitDir = await makeTemporaryGitDirectory(paths, head.commit, theirs);
  const ours = { ...theirs, repository: { gitDir, workTree: theirs.cwd } };
  try {
    return await compareWith({ paths, baseCommit, head }, ours);
  } finally {
    if (!signal.aborted) await runBesideGit(["rm", "-rf", "--", gitDir], theirs);
  }
}

interface Compared {
  readonly paths: CheckoutPaths;
  readonly baseCommit: string;
  readonly head: { readonly branch: string | null; readonly commit: string | null };
}

async function compareWith({ paths, baseCommit, head }: Compared, ours: ShellGit): Promise<WorkspaceDiff> {
  await readIndex(head.commit, ours);
  const tracked = await listTrackedChanges(baseCommit, ours);
  const untracked = await listUntrackedFiles(ours);
  const isPartOfDiff = await addNewFiles(untracked, ours);
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

/** Prints the new directory. An index is copied, which saves reading every file again. */
const MAKE = `
if test -L .git || ! test -d .git; then echo "its .git directory is missing" >&2; exit 1; fi
made=$(mktemp -d "$1/diff-XXXXXX") && mkdir -p "$made/refs" "$made/objects/info" && printf %s "$made" &&
printf '%s\\n' "$PWD/.git/objects" >"$made/objects/info/alternates" &&
printf %s "$2" >"$made/config" && printf '%s\\n' "$3" >"$made/HEAD" || exit 1
if test -f .git/index && test "$(wc -c <.git/index)" -le ${INDEX_MAX_BYTES}; then cp .git/index "$made/index" || exit 1; fi`;

/** Uses the settings of the fresh clone. Objects are read from the checkout; none are written to it. */
async function makeTemporaryGitDirectory(
  { tmp, trustedConfig }: CheckoutPaths,
  commit: string | null,
  theirs: ShellGit,
): Promise<string> {
  const place = theirs.shell.seen.checkout === SEEN.checkout ? "/tmp" : tmp;
  const settings = await readFile(trustedConfig, "utf8");
  const argv = ["/bin/sh", "-c", MAKE, "sh", place, settings, commit ?? "ref: refs/heads/unborn"];
  const made = await runBesideGit(argv, theirs);
  if (made.code !== 0) throw new Error(getOutputTail(made.stderr));
  return made.stdout;
}

/** An index that git cannot read is rebuilt from the commit. */
async function readIndex(commit: string | null, ours: ShellGit): Promise<void> {
  const index = join(ours.repository?.gitDir ?? "", "index");
  if ((await runBesideGit(["test", "-e", index], ours)).code === 0) {
    const read = await git(["ls-files", "--", ".git"], ours);
    if (read.code === 0) return;
    await runBesideGit(["rm", "-f", "--", index], ours);
  }
  if (commit === null) return;
  const made = await git(["read-tree", commit], ours);
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
async function addNewFiles(untracked: readonly string[], options: GitOptions): Promise<boolean> {
  const candidates = untracked.slice(0, NEW_FILES_MAX).filter((path) => !path.endsWith("/"));
  const small: string[] = [];
  for (const path of candidates) {
    const entry = await lstat(getNodePath(join(options.cwd, path), options)).catch(() => null);
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
