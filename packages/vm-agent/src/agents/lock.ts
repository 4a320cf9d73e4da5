/** A lock between processes that is released when its process dies: the operating system's lock on a small SQLite file. */
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { sqliteFault } from "@samovar/sqlite";

const POLL_MS = 100;

/** Waits for the lock, does the work, and releases the lock. Throws the abort's reason. */
export async function withLock<T>(file: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const db = new DatabaseSync(file, { timeout: 0 });
  try {
    while (!tryLock(db)) await pause(POLL_MS, undefined, { signal });
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
