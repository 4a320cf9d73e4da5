/** A change of a database that is made as a whole. */
import type { DatabaseSync } from "node:sqlite";

/** Commits all of `work`, or none of it. Throws what `work` throws, and SQLite's errors. */
export function runTransaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}
