/** One connection to a session's file, as durable as SQLite gets, and for itself alone. Keeps M1 [F6]. */
import { DatabaseSync } from "node:sqlite";
import type { SQLOutputValue } from "node:sqlite";
import { invariant } from "@samovar/base";
import { MIGRATIONS } from "./migrations.ts";

export type Row = Record<string, SQLOutputValue>;

/** Older ones can lose a committed transaction when a checkpoint resets the WAL at the wrong moment. */
const OLDEST_SQLITE = [3, 51, 3] as const;

/** SQLite's result codes that mean something to us. */
const CODES = { busy: 5, corrupt: 11, full: 13, notADatabase: 26 } as const;
export type SqliteFault = keyof typeof CODES | "other";

/** Throws SQLite's error; {@link sqliteFault} tells them apart. */
export function openDatabase(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: 0, enableForeignKeyConstraints: true });
  try {
    db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    assertDurable(db);
    checkIntegrity(db);
    migrate(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

export function sqliteFault(error: unknown): SqliteFault {
  if (error instanceof IntegrityError) return "corrupt";
  const code =
    error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode & 0xff : -1;
  return (["busy", "corrupt", "full", "notADatabase"] as const).find((fault) => CODES[fault] === code) ?? "other";
}

/** All of `work`, or none of it. */
export function transaction<T>(db: DatabaseSync, work: () => T): T {
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

/** `integrity_check` found damage. */
class IntegrityError extends Error {
  override readonly name = "IntegrityError";
}

function assertDurable(db: DatabaseSync): void {
  const version = String(db.prepare("SELECT sqlite_version() AS version").get()?.["version"]);
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  const [oldMajor, oldMinor, oldPatch] = OLDEST_SQLITE;
  const isNew = major !== oldMajor ? major > oldMajor : minor !== oldMinor ? minor > oldMinor : patch >= oldPatch;
  invariant(isNew, `SQLite ${version} is older than ${OLDEST_SQLITE.join(".")}`);
  invariant(
    db.prepare("PRAGMA journal_mode").get()?.["journal_mode"] === "wal",
    "the outbox must use a write-ahead log",
  );
  invariant(db.prepare("PRAGMA synchronous").get()?.["synchronous"] === 2, "the outbox must sync fully");
}

function checkIntegrity(db: DatabaseSync): void {
  const found = db.prepare("PRAGMA integrity_check(1)").get()?.["integrity_check"];
  if (found !== "ok") throw new IntegrityError(String(found));
}

function migrate(db: DatabaseSync): void {
  const at = Number(db.prepare("PRAGMA user_version").get()?.["user_version"]);
  invariant(at <= MIGRATIONS.length, "the outbox file is from a newer version");
  transaction(db, () => {
    for (const sql of MIGRATIONS.slice(at)) db.exec(sql);
    db.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  });
}
