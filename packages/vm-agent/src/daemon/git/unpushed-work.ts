/** Describes work that a push of HEAD does not contain: other branches, a stash, nested repositories. */
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import type { GitOptions } from "./git.ts";
import { expectSuccess, getNodePath, git } from "./git.ts";
import type { Leftovers } from "./leftovers.ts";
import { LEFTOVERS_MAX } from "./leftovers.ts";

const MAX_NAMED = 10;

/** A warning for people; null when HEAD contains everything. */
export async function describeUnpushedWork(
  work: { readonly baseCommit: string; readonly head: string },
  leftovers: Leftovers,
  options: GitOptions,
): Promise<string | null> {
  const { oversized, repositories } = leftovers;
  const mb = LEFTOVERS_MAX.bytes / 1024 / 1024;
  const sentences = [
    formatSentence(
      "Left out of the commit because there are new files of more than",
      `${mb} MB or ${LEFTOVERS_MAX.files} files: `,
      oversized,
    ),
    formatSentence("Not committed because they are separate git repositories", ": ", repositories),
    formatSentence(
      "Pointing to commits that exist only in the workspace",
      ": ",
      await listUnpublishedSubmodules(work.baseCommit, options),
    ),
    formatSentence("Commits on other branches were not pushed", ": ", await listOtherBranches(work, options)),
    (await hasStash(options)) ? "There are stashed changes." : null,
  ].filter((part) => part !== null);
  return sentences.length === 0 ? null : sentences.join(" ").slice(0, 4000);
}

function formatSentence(what: string, colon: string, names: readonly string[]): string | null {
  if (names.length === 0) return null;
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : "";
  const space = colon.startsWith(":") ? "" : " ";
  return `${what}${space}${colon}${names.slice(0, MAX_NAMED).join(", ")}${more}.`;
}

async function listOtherBranches(
  { baseCommit, head }: { readonly baseCommit: string; readonly head: string },
  options: GitOptions,
): Promise<readonly string[]> {
  const format = "--format=%(objectname) %(refname)";
  const refs = await expectSuccess(["for-each-ref", format, "--count=200", "refs/heads"], options);
  const found: string[] = [];
  for (const line of refs.stdout.split("\n").filter((each) => each !== "")) {
    const [tip = "", ref = ""] = line.split(" ");
    if (tip === head || tip === baseCommit) continue;
    const count = await git(
      ["rev-list", "--count", "--max-count=1000", ref, "--not", "HEAD", baseCommit, "--remotes", "--"],
      options,
    );
    const commits = Number(count.stdout.trim());
    if (count.code === 0 && commits > 0) found.push(`${ref.slice("refs/heads/".length)} (${commits})`);
  }
  return found;
}

async function hasStash(options: GitOptions): Promise<boolean> {
  return (await git(["rev-parse", "--verify", "--quiet", "refs/stash"], options)).code === 0;
}

/** Nested repositories whose commit changed and is on none of their remotes. */
async function listUnpublishedSubmodules(base: string, options: GitOptions): Promise<readonly string[]> {
  const changed = await expectSuccess(
    ["diff", "--raw", "--no-abbrev", "-z", "--no-renames", "--ignore-submodules=none", base, "HEAD", "--"],
    options,
  );
  const fields = changed.stdout.split("\0");
  const found: string[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [, mode, , commit = ""] = (fields[i] ?? "").split(" ");
    const path = fields[i + 1] ?? "";
    if (mode === "160000" && !(await isPublished(path, commit, options))) found.push(path);
  }
  return found;
}

async function isPublished(path: string, commit: string, options: GitOptions): Promise<boolean> {
  const { repository: _outer, ...apart } = options;
  const cwd = join(options.cwd, path);
  // A submodule that was never fetched points to a commit that is published already.
  if ((await lstat(getNodePath(join(cwd, ".git"), options)).catch(() => null)) === null) return true;
  const query = ["for-each-ref", "--count=1", `--contains=${commit}`, "--format=%(refname)", "refs/remotes"];
  const run = await git(["--git-dir=.git", ...query], { ...apart, cwd });
  return run.code === 0 && run.stdout.trim() !== "";
}
