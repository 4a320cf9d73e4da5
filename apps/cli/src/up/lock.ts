/**
 * The lock of a data directory: one `samovar up` at a time. It exists from the beginning of the start to the end of the
 * stop, so commands can read from it that Samovar is starting or stopping. A lock whose process is gone is free.
 */
import { randomUUID } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { parseJson } from "@samovar/base";
import * as z from "zod";
import { CliError } from "../client/errors.ts";
import { readJson, writeAtomically } from "../files.ts";
import { isRunning, readProcessStart } from "./processes.ts";

const lockFile = z.object({
  pid: z.number().int().positive(),
  start: z.string().nullable(),
  stopping: z.boolean().default(false),
});

export interface LockHolder {
  readonly pid: number;
  readonly stopping: boolean;
}

export interface DirectoryLock {
  /** Records that commands should no longer wait for this Samovar. Best effort: a failure never blocks the stop. */
  markStopping(): Promise<void>;
  release(): Promise<void>;
}

const MAX_TRIES = 3;
const GUARD_TIMEOUT_MS = 1_000;
const SQLITE_BUSY = 5;

/** Throws {@link CliError} when another Samovar holds the lock. */
export async function lockDirectory(path: string): Promise<DirectoryLock> {
  const file = fileIn(path);
  const mine = { pid: process.pid, start: await readProcessStart(process.pid) };
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    if (await createFile(file, JSON.stringify(mine))) {
      return {
        markStopping: () => writeAtomically(file, JSON.stringify({ ...mine, stopping: true })).catch(() => {}),
        release: () => rm(file, { force: true }),
      };
    }
    const holder = await findLockHolder(path);
    if (holder !== null) {
      throw new CliError(
        `The data directory ${path} is in use by another Samovar (process ${holder.pid}).`,
        "Use that one, stop it with Ctrl-C, or choose another directory with --data-dir DIR.",
      );
    }
    await removeStale(path);
  }
  throw new CliError(`The lock ${file} could not be taken.`, "Another Samovar is starting right now; try again.");
}

/** The running process that holds the lock; null when there is none. */
export const findLockHolder = async (path: string): Promise<LockHolder | null> =>
  toHolder(await readJson(fileIn(path)));

async function toHolder(value: unknown): Promise<LockHolder | null> {
  const held = lockFile.safeParse(value);
  if (!held.success || !(await isRunning(held.data.pid, held.data.start))) return null;
  return held.data;
}

const fileIn = (path: string) => join(path, "lock");

/** Returns false when the file exists already. Nobody ever reads it half-written: it would look like one of nobody. */
async function createFile(file: string, text: string): Promise<boolean> {
  const partial = `${file}.${randomUUID()}.partial`;
  await writeFile(partial, text, { flag: "wx", mode: 0o600 });
  try {
    await link(partial, file);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(partial, { force: true });
  }
}

/**
 * One process at a time looks once more and removes it: of several that saw it, a slow one would otherwise remove the lock of a
 * fast one. SQLite's lock ends with its process, whatever ends that.
 */
async function removeStale(path: string): Promise<void> {
  const { DatabaseSync: Database } = await import("node:sqlite");
  const guard = join(path, "lock.sqlite");
  await writeFile(guard, "", { flag: "a", mode: 0o600 });
  const database = new Database(guard, { timeout: GUARD_TIMEOUT_MS });
  try {
    if (!tryToBegin(database)) return;
    const text = await readFile(fileIn(path), "utf8").catch(() => null);
    if (text !== null && (await toHolder(parseJson(text))) === null) await rm(fileIn(path));
  } finally {
    database.close();
  }
}

/** False while another process looks. */
function tryToBegin(database: DatabaseSync): boolean {
  try {
    database.exec("BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    if (error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) return false;
    throw error;
  }
}
