/** The commits of a run in one file, for whoever brings them where they could not be pushed: `git fetch <file> <branch>` [F41]. */
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
  /** Git settings that nobody but us has written. */
  readonly trustedConfig: string;
}

export interface Bundle {
  readonly data: Buffer<ArrayBuffer>;
  /** Hex. */
  readonly sha256: string;
}

/** Everything from the base commit to HEAD, under the branch's name. The error: one that is too big, in the file all the same. */
export async function makeBundle(input: BundleInput, options: GitOptions): Promise<Result<Bundle, string>> {
  await writeBundle(input, options);
  const { size } = await stat(input.file);
  if (size > LIMITS.bundleMaxBytes) {
    const mb = Math.ceil(size / 1024 / 1024);
    return err(
      `The bundle of its commits is too big to be kept elsewhere (${mb} MB); on the node it is ${input.file}.`,
    );
  }
  const data = await readFile(input.file);
  return ok({ data, sha256: sha256(data) });
}

/**
 * A bundle holds branches, and the checkout's may be anywhere by now. So it is made in a repository beside it, which
 * borrows its objects and knows one branch: the wanted one, at its HEAD.
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
  const beside: GitOptions = { ...options, repository: { gitDir, workTree: options.cwd } };
  await expectSuccess(["update-ref", `refs/heads/${branch}`, head], beside);
  await expectSuccess(["bundle", "create", "--quiet", file, `refs/heads/${branch}`, `^${baseCommit}`], beside);
  await rm(gitDir, { recursive: true, force: true });
}
