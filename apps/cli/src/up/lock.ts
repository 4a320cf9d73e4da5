/**
 * The lock of a data directory: one `samovar up` at a time. It exists from the beginning of the start to the end of the
 * stop, so commands can read from it that Samovar is starting or stopping. A lock whose process is gone is free.
 */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
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
    await rm(file, { force: true });
  }
  throw new CliError(`The lock ${file} could not be taken.`, "Another Samovar is starting right now; try again.");
}

/** The running process that holds the lock; null when there is none. */
export async function findLockHolder(path: string): Promise<LockHolder | null> {
  const held = lockFile.safeParse(await readJson(fileIn(path)));
  if (!held.success || !(await isRunning(held.data.pid, held.data.start))) return null;
  return held.data;
}

const fileIn = (path: string) => join(path, "lock");

/** Returns false when the file exists already. */
async function createFile(file: string, text: string): Promise<boolean> {
  try {
    await writeFile(file, text, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}
