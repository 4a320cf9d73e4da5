/** The commits of a run in one file, for whoever brings them where they could not be pushed: `git fetch <file> <branch>` [F41]. */
import type { Result } from "@samovar/base";
import { err, ok } from "@samovar/base";
import { LIMITS } from "@samovar/contracts";
import { freeBranch } from "@samovar/domain/branch-name";
import { createHash } from "node:crypto";
import { readFile, rm, stat } from "node:fs/promises";
import type { GitOptions } from "./git.ts";
import { expectSuccess } from "./git.ts";

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

/** Everything from the base commit to HEAD, under the branch's name. The error: one that is too big, in the file all the same. */
export async function makeBundle(input: BundleInput, options: GitOptions): Promise<Result<Bundle, string>> {
  const branch = await nameHead(input.branch, options);
  await rm(input.file, { force: true });
  await expectSuccess(
    ["bundle", "create", "--quiet", input.file, `refs/heads/${branch}`, `^${input.baseCommit}`],
    options,
  );
  const { size } = await stat(input.file);
  if (size > LIMITS.bundleMaxBytes) {
    const mb = Math.ceil(size / 1024 / 1024);
    return err(
      `The bundle of its commits is too big to be kept elsewhere (${mb} MB); on the node it is ${input.file}.`,
    );
  }
  const data = await readFile(input.file);
  return ok({ data, sha256: createHash("sha256").update(data).digest("hex") });
}

/** A bundle holds branches, so HEAD needs one: the wanted one, unless the agent took it elsewhere. */
async function nameHead(wanted: string, options: GitOptions): Promise<string> {
  const head = (await expectSuccess(["rev-parse", "--verify", "HEAD^{commit}"], options)).stdout.trim();
  const refs = await expectSuccess(
    ["for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads"],
    options,
  );
  const tips = new Map(refs.stdout.split("\n").map((line) => [line.slice(line.indexOf(" ") + 1), line.split(" ")[0]]));
  const taken = new Set([...tips].filter(([, tip]) => tip !== head).map(([name]) => name));
  const branch = freeBranch(wanted, taken);
  if (branch === null) throw new Error(`there are too many branches named like ${wanted}`);
  if (tips.get(branch) !== head) await expectSuccess(["update-ref", `refs/heads/${branch}`, head, ""], options);
  return branch;
}
