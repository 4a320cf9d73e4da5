/**
 * What an installation consists of, recorded when it was made, so that a tree that was changed or planted later is not run.
 * The record has two digests. Stamps cover paths, types, modes, sizes, inodes and change times: cheap, read before each start.
 * Only a privileged process can set a change time, by setting the machine's clock. Contents cover every byte and decide when stamps differ.
 */
import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { createReadStream, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { Stats } from "node:fs";
import { chmod, mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { parseJson } from "@samovar/base";
import * as z from "zod";
import { readPrivateFile, writePrivateFile } from "../daemon/private-file.ts";

const treeRecord = z.object({ stamps: z.string(), contents: z.string() });

interface Entry {
  /** Relative to the tree. */
  readonly path: string;
  readonly stats: Stats;
}

/** Other work of this process runs after so many entries. */
const ENTRIES_AT_ONCE = 200;
/** Files above are read in pieces. */
const SMALL_BYTES = 64 * 1024;
const PIECE_BYTES = 1024 * 1024;

/**
 * Makes all files read-only, and readable for the users of workspaces, whatever the umask was. Directories stay writable, so that their
 * owner can remove them.
 */
export async function makeReadOnly(directory: string): Promise<void> {
  for await (const { path, stats } of listEntries(directory)) {
    if (stats.isDirectory()) await chmod(join(directory, path), 0o755);
    else if (stats.isFile()) await chmod(join(directory, path), (stats.mode & 0o100) === 0 ? 0o444 : 0o555);
  }
}

/** Records the tree as it is now. */
export async function recordTree(directory: string, file: string): Promise<void> {
  const contents = await digestContents(directory);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  writePrivateFile(file, `${JSON.stringify({ stamps: await digestStamps(directory), contents })}\n`);
}

export async function forgetTree(file: string): Promise<void> {
  await rm(file, { force: true });
}

/** Whether nothing has touched the tree since its record. False when there is no tree or no record. */
export async function isUntouched(directory: string, file: string): Promise<boolean> {
  try {
    return readRecord(file)?.stamps === (await digestStamps(directory));
  } catch {
    // Another daemon may be replacing the tree.
    return false;
  }
}

/**
 * Whether the tree has the recorded contents. `unknown` when it has no record. Records new stamps for a tree that was only
 * touched, such as a restored copy.
 */
export async function checkTree(directory: string, file: string): Promise<"intact" | "changed" | "unknown"> {
  const record = readRecord(file);
  if (record === null) return "unknown";
  const stamps = await digestStamps(directory);
  if (stamps === record.stamps) return "intact";
  if ((await digestContents(directory)) !== record.contents) return "changed";
  // Stamps from before the contents were read: a change since then shows at the next start.
  writePrivateFile(file, `${JSON.stringify({ ...record, stamps })}\n`);
  return "intact";
}

function readRecord(file: string): z.infer<typeof treeRecord> | null {
  const text = readPrivateFile(file);
  return text === null ? null : (treeRecord.safeParse(parseJson(text)).data ?? null);
}

/** SHA-256, in hex. A directory has neither size nor time here: what is in it is listed anyway. */
async function digestStamps(directory: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const { path, stats } of listEntries(directory)) {
    const { mode, size, ino, ctimeMs } = stats;
    hash.update(stats.isDirectory() ? `${path}\0${mode}\0` : `${path}\0${mode}\0${size}\0${ino}\0${ctimeMs}\0`);
  }
  return hash.digest("hex");
}

async function digestContents(directory: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const { path, stats } of listEntries(directory)) {
    hash.update(`${path}\0${stats.mode}\0${stats.isDirectory() ? 0 : stats.size}\0`);
    if (stats.isSymbolicLink()) hash.update(readlinkSync(join(directory, path)));
    else if (stats.isFile()) await addFile(hash, join(directory, path), stats.size);
  }
  return hash.digest("hex");
}

async function addFile(hash: Hash, file: string, size: number): Promise<void> {
  if (size <= SMALL_BYTES) hash.update(readFileSync(file));
  else for await (const piece of createReadStream(file, { highWaterMark: PIECE_BYTES })) hash.update(piece as Buffer);
}

/** The directory and everything below it, by name, without following links. Synchronous calls are several times faster here. */
async function* listEntries(directory: string): AsyncGenerator<Entry> {
  const root = lstatSync(directory);
  yield { path: "", stats: root };
  const left = root.isDirectory() ? [""] : [];
  let count = 0;
  for (let below = left.pop(); below !== undefined; below = left.pop()) {
    for (const name of readdirSync(join(directory, below)).toSorted()) {
      const path = below === "" ? name : `${below}/${name}`;
      const stats = lstatSync(`${directory}/${path}`);
      if (stats.isDirectory()) left.push(path);
      yield { path, stats };
      if (++count % ENTRIES_AT_ONCE === 0) await setImmediate();
    }
  }
}
