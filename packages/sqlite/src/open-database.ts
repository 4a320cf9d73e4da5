/**
 * The only connection to a file: an exclusive lock, which a killed process does not leave behind, a write-ahead log and
 * full syncing, so that a committed transaction is on disk. Keeps M1 [F6].
 */
import { DatabaseSync } from "node:sqlite";
import { invariant } from "@samovar/base";
import { IntegrityError } from "./sqlite-fault.ts";
import { runTransaction } from "./transaction.ts";

/** Older ones can lose a committed transaction when a checkpoint resets the WAL at the wrong moment. */
const OLDEST_SQLITE = [3, 51, 3] as const;

export interface DatabaseOptions {
  /** SQL of each version of the schema, in order. Append-only. */
  readonly migrations: readonly string[];
  /** How long to wait for another process's lock; without it, not at all. */
  readonly lockTimeoutMs?: number;
}

/** Throws SQLite's error, which `sqliteFault` classifies, and an `InvariantError` for a file of a newer version. */
export function openDatabase(path: string, { migrations, lockTimeoutMs = 0 }: DatabaseOptions): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: lockTimeoutMs, enableForeignKeyConstraints: true });
  try {
    db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    assertDurable(db);
    checkIntegrity(db);
    migrate(db, migrations, path);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function assertDurable(db: DatabaseSync): void {
  const version = String(db.prepare("SELECT sqlite_version() AS version").get()?.["version"]);
  invariant(isNewEnough(version), `SQLite ${version} is older than ${OLDEST_SQLITE.join(".")}`);
  const { journal_mode: journal } = db.prepare("PRAGMA journal_mode").get() ?? {};
  invariant(journal === "wal", "the file must have a write-ahead log");
  const { synchronous } = db.prepare("PRAGMA synchronous").get() ?? {};
  invariant(synchronous === 2, "the file must be synced fully");
}

function isNewEnough(version: string): boolean {
  const parts = version.split(".").map(Number);
  for (const [index, least] of OLDEST_SQLITE.entries()) {
    const part = parts[index] ?? 0;
    if (part !== least) return part > least;
  }
  return true;
}

function checkIntegrity(db: DatabaseSync): void {
  const found = db.prepare("PRAGMA integrity_check(1)").get()?.["integrity_check"];
  if (found !== "ok") throw new IntegrityError(String(found));
}

function migrate(db: DatabaseSync, migrations: readonly string[], path: string): void {
  const applied = Number(db.prepare("PRAGMA user_version").get()?.["user_version"]);
  invariant(applied <= migrations.length, `${path} was made by another version of Samovar`);
  // Also without anything to apply: the write takes the lock before the first caller relies on it.
  runTransaction(db, () => {
    for (const sql of migrations.slice(applied)) db.exec(sql);
    db.exec(`PRAGMA user_version = ${migrations.length}`);
  });
}
