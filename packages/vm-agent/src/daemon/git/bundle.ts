/** The commits of a run in one file, for when they cannot be pushed: `git fetch <file> <branch>` reads them [F41]. */
import type { Result } from "@samovar/base";
import { err, ok } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import { LIMITS } from "@samovar/contracts";
import { readFile, stat } from "node:fs/promises";
import { writeBundle } from "./clean-repository.ts";
import type { GitOptions } from "./git.ts";

export interface BundleInput {
  readonly branch: string;
  readonly baseCommit: string;
  readonly file: string;
}

export interface Bundle {
  readonly data: Buffer<ArrayBuffer>;
  /** Hex. */
  readonly sha256: string;
}

/** Bundles the commits that were imported into the clean repository, under the branch's name. The error: the bundle is too big to upload; the file is kept. */
export async function makeBundle(input: BundleInput, clean: GitOptions): Promise<Result<Bundle, string>> {
  await writeBundle(input, clean);
  const { size } = await stat(input.file);
  if (size > LIMITS.bundleMaxBytes) {
    const mb = Math.ceil(size / 1024 / 1024);
    return err(`The git bundle of the commits is too big to upload (${mb} MB); on the node it is ${input.file}.`);
  }
  const data = await readFile(input.file);
  return ok({ data, sha256: sha256(data) });
}
