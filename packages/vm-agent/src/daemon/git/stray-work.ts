/** Work that a push of HEAD does not carry: other branches, a stash, repositories inside. Told, so that nobody loses it. */
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import type { GitOptions } from "./git.ts";
import { expectSuccess, git } from "./git.ts";
import type { Leftovers } from "./leftovers.ts";
import { LEFTOVERS_MAX } from "./leftovers.ts";

const MAX_NAMED = 10;

/** For a person; null when everything is in HEAD. */
export async function strayWork(base: string, leftovers: Leftovers, options: GitOptions): Promise<string | null> {
  const { tooMuch, repositories } = leftovers;
  const mb = LEFTOVERS_MAX.bytes / 1024 / 1024;
  const said = [
    sentence(
      "Left out of the commit, for new files of more than",
      `${mb} MB or ${LEFTOVERS_MAX.files} files: `,
      tooMuch,
    ),
    sentence("Not committed, being git repositories of their own", ": ", repositories),
    sentence("Pointing to commits that only the workspace has", ": ", await unpublishedLinks(base, options)),
    sentence("Commits on other branches were not pushed", ": ", await otherBranches(base, options)),
    (await hasStash(options)) ? "There are stashed changes." : null,
  ].filter((part) => part !== null);
  return said.length === 0 ? null : said.join(" ").slice(0, 4000);
}

function sentence(what: string, colon: string, names: readonly string[]): string | null {
  if (names.length === 0) return null;
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : "";
  const space = colon.startsWith(":") ? "" : " ";
  return `${what}${space}${colon}${names.slice(0, MAX_NAMED).join(", ")}${more}.`;
}

async function otherBranches(base: string, options: GitOptions): Promise<readonly string[]> {
  const refs = await expectSuccess(["for-each-ref", "--format=%(refname)", "--count=200", "refs/heads"], options);
  const found: string[] = [];
  for (const ref of refs.stdout.split("\n").filter((line) => line !== "")) {
    const own = await git(
      ["rev-list", "--count", "--max-count=1000", ref, "--not", "HEAD", base, "--remotes", "--"],
      options,
    );
    const count = Number(own.stdout.trim());
    if (own.code === 0 && count > 0) found.push(`${ref.slice("refs/heads/".length)} (${count})`);
  }
  return found;
}

async function hasStash(options: GitOptions): Promise<boolean> {
  return (await git(["rev-parse", "--verify", "--quiet", "refs/stash"], options)).code === 0;
}

/** Repositories inside whose commit changed, unless that one's own remote is known to have it. */
async function unpublishedLinks(base: string, options: GitOptions): Promise<readonly string[]> {
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
  // A submodule that was never fetched points to a commit that came from elsewhere.
  if ((await lstat(join(cwd, ".git")).catch(() => null)) === null) return true;
  const query = ["for-each-ref", "--count=1", `--contains=${commit}`, "--format=%(refname)", "refs/remotes"];
  const run = await git(["--git-dir=.git", ...query], { ...apart, cwd });
  return run.code === 0 && run.stdout.trim() !== "";
}
