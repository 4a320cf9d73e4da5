/** A lock among processes that its holder's death releases: the operating system's lock on a small SQLite file. */
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { sqliteFault } from "@samovar/sqlite";

const LOOK_AGAIN_MS = 100;

/** Waits for the lock, does the work, gives the lock back. Throws the abort's reason when told to stop waiting. */
export async function withLock<T>(file: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const db = new DatabaseSync(file, { timeout: 0 });
  try {
    while (!tryLock(db)) await pause(LOOK_AGAIN_MS, undefined, { signal });
    signal.throwIfAborted();
    return await work();
  } finally {
    db.close();
  }
}

function tryLock(db: DatabaseSync): boolean {
  try {
    db.exec("BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    if (sqliteFault(error) === "busy") return false;
    throw error;
  }
}
