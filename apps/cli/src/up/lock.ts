/**
 * The lock of a data directory: one `samovar up` at a time. It is there from the first moment of a start to the last
 * of a stop, so commands read from it that Samovar starts or stops. A lock of a process that is gone counts as free.
 */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { CliError } from "../client/errors.ts";
import { readJson, writeAtomically } from "../files.ts";
import { isRunning, processStart } from "./processes.ts";

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
  /** From now on commands do not wait for this Samovar any more. Best effort: it never hinders the stop. */
  markStopping(): Promise<void>;
  release(): Promise<void>;
}

const MOST_TRIES = 3;

/** Throws {@link CliError} with what to do when another Samovar holds it. */
export async function lockDirectory(path: string): Promise<DirectoryLock> {
  const file = fileIn(path);
  const mine = { pid: process.pid, start: await processStart(process.pid) };
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    if (await createFile(file, JSON.stringify(mine))) {
      return {
        markStopping: () => writeAtomically(file, JSON.stringify({ ...mine, stopping: true })).catch(() => {}),
        release: () => rm(file, { force: true }),
      };
    }
    const holder = await lockHolder(path);
    if (holder !== null) {
      throw new CliError(
        `The data directory ${path} is in use by another Samovar (process ${holder.pid}).`,
        "Use that one, stop it with Ctrl-C, or choose another directory with --data-dir DIR.",
      );
    }
    await rm(file, { force: true });
  }
  throw new CliError(`The lock ${file} could not be taken.`, "Another Samovar is starting at this moment; try again.");
}

/** The living process that holds the lock; null when none does. */
export async function lockHolder(path: string): Promise<LockHolder | null> {
  const held = lockFile.safeParse(await readJson(fileIn(path)));
  if (!held.success || !(await isRunning(held.data.pid, held.data.start))) return null;
  return held.data;
}

const fileIn = (path: string) => join(path, "lock");

/** False when it is there already. */
async function createFile(file: string, text: string): Promise<boolean> {
  try {
    await writeFile(file, text, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}
