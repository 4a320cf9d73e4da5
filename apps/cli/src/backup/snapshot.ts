/**
 * Copies an installation's state as it is at one instant, while it runs. Everything is copied first; then workerd, which is the
 * only program that writes there, stands still while what has changed since is copied again. So all databases are from the same
 * instant, and no committed write is missing.
 */
import { constants, copyFile, mkdir, readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { CliError } from "../client/errors.ts";
import { type Frozen, freezeProcess } from "./freeze.ts";

export interface SnapshotSource {
  /** The directory whose files are copied. */
  readonly from: string;
  /** Its writer's process id; null when nothing writes there. */
  writer(): Promise<number | null>;
}

/** Where the system counts time in steps, a write in the same step leaves the modification time as it was. */
const STEP_NS = 2_000_000_000n;
const MAX_TRIES = 5;

/** Fills the empty directory `to`. Returns for how many milliseconds the writer stood still. */
export async function takeSnapshot(source: SnapshotSource, to: string): Promise<number> {
  const copied: Copied = new Map();
  await copyChanged(source.from, to, copied);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const writer = await source.writer();
    const pausedMs =
      writer === null ? await copyStill(source, to, copied) : await copyFrozen(source, writer, to, copied);
    if (pausedMs === null) continue;
    await foldLogs(to);
    return pausedMs;
  }
  throw new CliError("Samovar's runtime was restarted again and again during the backup.", "See logs/samovar.log.");
}

/** Null when something began to write after all. */
async function copyStill(source: SnapshotSource, to: string, copied: Copied): Promise<number | null> {
  await copyChanged(source.from, to, copied);
  return (await source.writer()) === null ? 0 : null;
}

/** Null when the writer was replaced by another, which may have written meanwhile. */
async function copyFrozen(source: SnapshotSource, pid: number, to: string, copied: Copied): Promise<number | null> {
  const frozen: Frozen = await freezeProcess(pid);
  const startedAt = performance.now();
  try {
    await copyChanged(source.from, to, copied);
    const isSame = (await source.writer()) === pid && (await frozen.isStill());
    return isSame ? performance.now() - startedAt : null;
  } finally {
    await frozen.thaw();
  }
}

/** By path: what the file looked like just before it was copied; null when it may change without looking different. */
type Copied = Map<string, string | null>;

/** Copies new and changed files, and removes those that are gone. */
async function copyChanged(from: string, to: string, copied: Copied): Promise<void> {
  const now = BigInt(Date.now()) * 1_000_000n;
  const present = new Set(await listFiles(from));
  for (const path of present) {
    const seen = await stat(join(from, path), { bigint: true }).catch(() => null);
    if (seen === null) continue;
    const look = `${seen.ino}:${seen.size}:${seen.mtimeNs}`;
    if (copied.get(path) === look) continue;
    await mkdir(dirname(join(to, path)), { recursive: true, mode: 0o700 });
    try {
      // On file systems that can, the copy shares the original's blocks.
      await copyFile(join(from, path), join(to, path), constants.COPYFILE_FICLONE);
      copied.set(path, seen.mtimeNs < now - STEP_NS ? look : null);
    } catch (error) {
      if (!isMissing(error)) throw error;
      present.delete(path);
    }
  }
  for (const path of copied.keys()) {
    if (present.has(path)) continue;
    copied.delete(path);
    await rm(join(to, path), { force: true });
  }
}

/** Without SQLite's shared memory, which it makes from the log of writes. */
async function listFiles(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith("-shm"))
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
}

/** Writes each database's log of writes into it, as its next opening would, and checks it. */
async function foldLogs(directory: string): Promise<void> {
  for (const path of (await listFiles(directory)).filter((name) => name.endsWith(".sqlite"))) {
    const database = new DatabaseSync(join(directory, path));
    try {
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      const [result] = database.prepare("PRAGMA quick_check").all();
      if (result?.["quick_check"] !== "ok") throw new Error(JSON.stringify(result));
    } catch (error) {
      throw new CliError(
        `The database ${path} is damaged: ${error instanceof Error ? error.message : String(error)}.`,
        "Nothing was written. Restore an earlier backup, or ask for help with logs/samovar.log.",
      );
    } finally {
      database.close();
    }
  }
}

const isMissing = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ENOENT";
