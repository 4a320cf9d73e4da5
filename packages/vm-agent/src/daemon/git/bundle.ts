/** The commits of a run in one file, for when they cannot be pushed: `git fetch <file> <branch>` reads them [F41]. */
import type { Result } from "@samovar/base";
import { err, ok } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import { LIMITS } from "@samovar/contracts";
import { copyFile, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { GitOptions } from "./git.ts";
import { expectSuccess } from "./git.ts";

export interface BundleInput {
  readonly branch: string;
  readonly baseCommit: string;
  readonly file: string;
  /** The git settings of the fresh clone, which the agent cannot write. */
  readonly trustedConfig: string;
}

export interface Bundle {
  readonly data: Buffer<ArrayBuffer>;
  /** Hex. */
  readonly sha256: string;
}

/** Bundles the commits from the base commit to HEAD under the branch's name. The error: the bundle is too big to upload; the file is kept. */
export async function makeBundle(input: BundleInput, options: GitOptions): Promise<Result<Bundle, string>> {
  await writeBundle(input, options);
  const { size } = await stat(input.file);
  if (size > LIMITS.bundleMaxBytes) {
    const mb = Math.ceil(size / 1024 / 1024);
    return err(`The git bundle of the commits is too big to upload (${mb} MB); on the node it is ${input.file}.`);
  }
  const data = await readFile(input.file);
  return ok({ data, sha256: sha256(data) });
}

/**
 * A bundle holds branches, and the agent may have left its branch. So the bundle is made in a temporary repository that
 * borrows the checkout's objects and has one branch, at the checkout's HEAD.
 */
async function writeBundle(
  { branch, baseCommit, file, trustedConfig }: BundleInput,
  options: GitOptions,
): Promise<void> {
  const head = (await expectSuccess(["rev-parse", "--verify", "HEAD^{commit}"], options)).stdout.trim();
  const gitDir = `${file}.git`;
  await rm(gitDir, { recursive: true, force: true });
  await rm(file, { force: true });
  await mkdir(join(gitDir, "objects/info"), { recursive: true });
  await mkdir(join(gitDir, "refs"));
  await copyFile(trustedConfig, join(gitDir, "config"));
  await writeFile(join(gitDir, "HEAD"), "ref: refs/heads/none\n");
  await writeFile(join(gitDir, "objects/info/alternates"), `${join(options.cwd, ".git/objects")}\n`);
  const temporary: GitOptions = { ...options, repository: { gitDir, workTree: options.cwd } };
  await expectSuccess(["update-ref", `refs/heads/${branch}`, head], temporary);
  await expectSuccess(["bundle", "create", "--quiet", file, `refs/heads/${branch}`, `^${baseCommit}`], temporary);
  await rm(gitDir, { recursive: true, force: true });
}
