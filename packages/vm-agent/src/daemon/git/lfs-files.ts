/**
 * Uploads the files of Git LFS that a run's commits point to. git-lfs gets the login, so it runs in the clean repository; each
 * file comes out of the checkout through the workspace's shell and counts only if its contents have the pointer's checksum.
 */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { WorkspaceShell } from "../../runtime/workspace-shell.ts";
import type { GitOptions } from "./git.ts";
import { expectSuccess, getOutputTail, git, runBesideGit } from "./git.ts";

interface Work {
  readonly head: string;
  readonly baseCommit: string;
}

/** Git LFS writes shorter ones. */
const POINTER_MAX_BYTES = 1024;
const POINTER = /^version https:\/\/git-lfs\.github\.com\/spec\/v1\n(?:ext-.*\n)*oid sha256:([0-9a-f]{64})\nsize \d+\n/;
/** Arguments of one program are limited. */
const FILES_AT_ONCE = 500;

/** Returns git-lfs's refusal, or null. */
export async function pushLfsFiles(
  work: Work,
  checkout: GitOptions & { readonly shell: WorkspaceShell },
  clean: GitOptions,
): Promise<string | null> {
  const oids = await listPointers(work, clean);
  for (const oid of oids) await copyFile(oid, checkout, clean);
  for (let at = 0; at < oids.length; at += FILES_AT_ONCE) {
    const part = oids.slice(at, at + FILES_AT_ONCE);
    // Fails for a file that neither side has.
    const sent = await git(["lfs", "push", "--object-id", "origin", ...part], clean);
    if (sent.code !== 0) return getOutputTail(`${sent.stdout}\n${sent.stderr}`);
  }
  return null;
}

/** The checksums in pointers that the commits add. */
async function listPointers({ head, baseCommit }: Work, clean: GitOptions): Promise<readonly string[]> {
  const range = ["rev-list", "--objects", "--no-object-names", head, `^${baseCommit}`, "--"];
  const objects = await expectSuccess(range, clean);
  const checked = await expectSuccess(["cat-file", "--batch-check"], clean, { input: objects.stdout });
  const small = checked.stdout.split("\n").flatMap((line) => {
    const [object = "", type, size] = line.split(" ");
    return type === "blob" && Number(size) < POINTER_MAX_BYTES ? [object] : [];
  });
  if (small.length === 0) return [];
  const blobs = await expectSuccess(["cat-file", "--batch"], clean, { input: `${small.join("\n")}\n` });
  return [...new Set(splitBlobs(blobs.stdout).flatMap((text) => POINTER.exec(text)?.[1] ?? []))];
}

/** Of `cat-file --batch`: a line with name, type and size before each object, and a line break behind it. */
function splitBlobs(output: string): readonly string[] {
  const found: string[] = [];
  for (const part of output.split(/^[0-9a-f]{40,64} blob \d+\n/m).slice(1)) found.push(part);
  return found;
}

/** Leaves out a file that the checkout does not have, or has with other contents. */
async function copyFile(
  oid: string,
  checkout: GitOptions & { readonly shell: WorkspaceShell },
  clean: GitOptions,
): Promise<void> {
  const place = join("lfs/objects", oid.slice(0, 2), oid.slice(2, 4), oid);
  const target = join(clean.cwd, place);
  const partial = `${target}.partial`;
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  const file = createWriteStream(partial, { mode: 0o600 });
  const closed = new Promise<void>((resolve, reject) => file.once("close", resolve).once("error", reject));
  const source = join(checkout.cwd, ".git", place);
  const run = await runBesideGit(["cat", "--", source], checkout, { sink: file }).finally(() => file.end());
  await closed;
  if (run.code === 0 && (await hashFile(partial)) === oid) await rename(partial, target);
  else await rm(partial, { force: true });
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done();
    },
  });
  await pipeline(createReadStream(path), sink);
  return hash.digest("hex");
}
