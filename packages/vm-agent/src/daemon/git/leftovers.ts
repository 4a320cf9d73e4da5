/**
 * Commits an agent's leftovers: all changes to tracked files, and new files up to a size limit. Whatever is left out is
 * reported by name, never dropped silently.
 */
import type { Result } from "@samovar/base";
import { err, ok } from "@samovar/base";
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import type { GitOptions } from "./git.ts";
import { expectSuccess, getNodePath, git, getOutputTail } from "./git.ts";
import { enableHooks } from "./hooks.ts";

/** New files beyond either limit are more likely a cache or a build than work. */
export const LEFTOVERS_MAX = { bytes: 50 * 1024 * 1024, files: 5_000 } as const;

export interface NewFile {
  readonly path: string;
  readonly bytes: number;
}

export interface Leftovers {
  /** Directories and files that exceed the limits. */
  readonly oversized: readonly string[];
  /** New directories that are separate git repositories. */
  readonly repositories: readonly string[];
}

interface Commit {
  readonly commitMessage: string;
  readonly hooksPath: string | null;
}

/** The error: the output of the hook that refused the commit. */
export async function commitLeftovers(commit: Commit, options: GitOptions): Promise<Result<Leftovers, string>> {
  const found = await findNewFiles(options);
  const leftovers = { oversized: findOversized(found.files), repositories: found.repositories };
  const links = await listSubmodules(options);
  // Git would inspect a nested repository with that repository's settings, which are not trusted.
  const nested = [...links.map(({ path }) => path), ...found.repositories];
  await expectSuccess(["add", "--update", "--", ".", ...nested.map(excludePath)], options);
  await expectSuccess(["add", "--all", "--", ".", ...[...nested, ...leftovers.oversized].map(excludePath)], options);
  for (const link of links) await stageLink(link, options);
  const staged = await git(["diff", "--cached", "--quiet", "--no-ext-diff", "--no-textconv"], options);
  if (staged.code === 0) return ok(leftovers);
  const message = `--message=${commit.commitMessage}`;
  if (commit.hooksPath === null) {
    await expectSuccess(["commit", "--quiet", "--no-verify", message], options);
    return ok(leftovers);
  }
  const run = await git(["commit", "--quiet", message], enableHooks(options, commit.hooksPath));
  return run.code === 0 ? ok(leftovers) : err(getOutputTail(`${run.stdout}\n${run.stderr}`));
}

/** The parts of the tree to leave out so that the rest is within the limits; the heaviest directories come first. */
export function findOversized(
  files: readonly NewFile[],
  max: { readonly bytes: number; readonly files: number } = LEFTOVERS_MAX,
): readonly string[] {
  const out: string[] = [];
  let rest = files;
  while (!isWithinLimits(rest, max)) {
    const heaviest = findHeaviestPart(rest, max);
    out.push(heaviest);
    rest = rest.filter(({ path }) => !isWithin(path, heaviest));
  }
  return out;
}

interface Weight {
  readonly bytes: number;
  readonly files: number;
}

const isWithinLimits = (files: readonly NewFile[], max: Weight) =>
  files.length <= max.files && files.reduce((sum, file) => sum + file.bytes, 0) <= max.bytes;

const isWithin = (path: string, part: string) => path === part || path.startsWith(`${part}/`);

/** Descends while a single child accounts for the excess. */
function findHeaviestPart(files: readonly NewFile[], max: Weight): string {
  let part = "";
  for (;;) {
    const inside = files.filter(({ path }) => part === "" || isWithin(path, part));
    const child = findHeaviestChild(inside, part, max);
    if (child === null) return part;
    const others = files.filter(({ path }) => !isWithin(path, child));
    if (part !== "" && !isWithinLimits(others, max)) return part;
    part = child;
  }
}

/** Null for a file, which has no children. */
function findHeaviestChild(inside: readonly NewFile[], part: string, max: Weight): string | null {
  const weights = new Map<string, number>();
  for (const { path, bytes } of inside) {
    if (path === part) return null;
    const end = path.indexOf("/", part === "" ? 0 : part.length + 1);
    const child = end === -1 ? path : path.slice(0, end);
    weights.set(child, (weights.get(child) ?? 0) + bytes / max.bytes + 1 / max.files);
  }
  const sorted = [...weights].toSorted(([, a], [, b]) => b - a);
  return sorted[0]?.[0] ?? null;
}

async function findNewFiles(
  options: GitOptions,
): Promise<{ readonly files: readonly NewFile[]; readonly repositories: readonly string[] }> {
  const run = await expectSuccess(["ls-files", "--others", "--exclude-standard", "-z"], options);
  const paths = run.stdout.split("\0").filter((path) => path !== "");
  const files = await Promise.all(
    paths
      .filter((path) => !path.endsWith("/"))
      .map(async (path) => {
        const entry = await lstat(getNodePath(join(options.cwd, path), options)).catch(() => null);
        return { path, bytes: entry?.size ?? 0 };
      }),
  );
  return { files, repositories: paths.filter((path) => path.endsWith("/")).map((path) => path.slice(0, -1)) };
}

interface Link {
  readonly path: string;
  readonly commit: string;
}

/** Submodules and other nested repositories in the index. */
async function listSubmodules(options: GitOptions): Promise<readonly Link[]> {
  const run = await expectSuccess(["ls-files", "--stage", "-z"], options);
  return run.stdout.split("\0").flatMap((line) => {
    const [entry = "", path = ""] = line.split("\t");
    const [mode, commit = ""] = entry.split(" ");
    return mode === "160000" ? [{ path, commit }] : [];
  });
}

async function stageLink({ path, commit }: Link, options: GitOptions): Promise<void> {
  const head = await readSubmoduleHead(path, options);
  if (head === null || head === commit) return;
  await expectSuccess(["update-index", "--cacheinfo", `160000,${head},${path}`], options);
}

/** The HEAD commit of a nested repository; null when it is not checked out. */
async function readSubmoduleHead(path: string, options: GitOptions): Promise<string | null> {
  const { repository: _outer, ...apart } = options;
  const cwd = join(options.cwd, path);
  if ((await lstat(getNodePath(join(cwd, ".git"), options)).catch(() => null)) === null) return null;
  const run = await git(["--git-dir=.git", "rev-parse", "--verify", "--quiet", "HEAD^{commit}"], { ...apart, cwd });
  return run.code === 0 ? run.stdout.trim() : null;
}

const excludePath = (path: string) => `:(top,exclude,literal)${path}`;
