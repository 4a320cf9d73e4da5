/**
 * The switchboard's one SQLite file: what it was told to do and what it has yet to tell [R5][R21]. WAL and
 * `synchronous=FULL`, so that an answer is on disk before it is given; an exclusive lock, so that a node has one
 * switchboard at a time and a killed one leaves no lock behind.
 */
import { invariant } from "@samovar/base";
import { renameSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

/** Append-only: one entry a version. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
   CREATE TABLE link_events (n INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL) STRICT;
   CREATE TABLE link_inbox (id TEXT PRIMARY KEY, n INTEGER NOT NULL, kind TEXT NOT NULL, received_at INTEGER NOT NULL) STRICT;
   CREATE INDEX link_inbox_order ON link_inbox (n);
   CREATE TABLE workspaces (
     id TEXT PRIMARY KEY, place TEXT NOT NULL UNIQUE, args TEXT NOT NULL, state TEXT NOT NULL,
     branch TEXT, base_commit TEXT, updated_at INTEGER NOT NULL) STRICT;
   CREATE TABLE agent_sessions (
     id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, args TEXT NOT NULL, phase TEXT NOT NULL, cancel_reason TEXT,
     started_told INTEGER NOT NULL DEFAULT 0, launches INTEGER NOT NULL DEFAULT 0, process TEXT,
     end_seen TEXT, finish TEXT, updated_at INTEGER NOT NULL) STRICT;
   CREATE INDEX agent_sessions_workspace ON agent_sessions (workspace_id);`,
  "ALTER TABLE agent_sessions ADD COLUMN mark TEXT;",
];

const OLDEST_SQLITE = [3, 51, 3] as const;

export class StoreBusyError extends Error {
  override readonly name = "StoreBusyError";
}

export interface OpenedDatabase {
  readonly db: DatabaseSync;
  /** Where a corrupt file was put aside; null when the file was sound. */
  readonly setAside: string | null;
}

/** Throws {@link StoreBusyError} when another switchboard has the file. */
export function openDatabase(file: string, now: number): OpenedDatabase {
  const db = connect(file);
  if (isSound(db)) {
    migrate(db);
    return { db, setAside: null };
  }
  close(db);
  const setAside = `${file}.corrupt-${now}`;
  for (const suffix of ["", "-wal", "-shm"]) moveIfThere(file + suffix, setAside + suffix);
  const fresh = connect(file);
  migrate(fresh);
  salvage(fresh, setAside);
  return { db: fresh, setAside };
}

function connect(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: 2000 });
  try {
    db.exec("PRAGMA locking_mode=EXCLUSIVE");
    db.exec("PRAGMA journal_mode=WAL");
    db.exec("PRAGMA synchronous=FULL");
    db.exec("BEGIN IMMEDIATE; COMMIT");
  } catch (error) {
    if (isBusy(error)) {
      close(db);
      throw new StoreBusyError(`another switchboard has ${file}`);
    }
    // Anything else is for the check of the file to judge.
  }
  return db;
}

function isSound(db: DatabaseSync): boolean {
  try {
    const version = String(db.prepare("SELECT sqlite_version() AS v").get()?.["v"]);
    invariant(isNewEnough(version), `SQLite ${version} is too old`);
    if (db.prepare("PRAGMA integrity_check").get()?.["integrity_check"] !== "ok") return false;
    invariant(db.prepare("PRAGMA synchronous").get()?.["synchronous"] === 2, "synchronous must be FULL");
    return true;
  } catch (error) {
    if (error instanceof Error && error.name === "InvariantError") throw error;
    return false;
  }
}

function isNewEnough(version: string): boolean {
  const parts = version.split(".").map(Number);
  for (const [i, least] of OLDEST_SQLITE.entries()) {
    const part = parts[i] ?? 0;
    if (part !== least) return part > least;
  }
  return true;
}

function migrate(db: DatabaseSync): void {
  const version = Number(db.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
  invariant(version <= MIGRATIONS.length, "the file is of a newer vm-agent");
  for (const [i, sql] of MIGRATIONS.entries()) {
    if (i >= version) db.exec(`BEGIN IMMEDIATE; ${sql} PRAGMA user_version=${i + 1}; COMMIT`);
  }
}

/** Copies every row that can still be read. */
function salvage(db: DatabaseSync, from: string): void {
  const broken = new DatabaseSync(from, { readOnly: true });
  for (const table of ["facts", "link_events", "link_inbox", "workspaces", "agent_sessions"]) {
    try {
      for (const row of broken.prepare(`SELECT * FROM ${table}`).iterate()) {
        const columns = Object.keys(row);
        db.prepare(
          `INSERT OR IGNORE INTO ${table} (${columns.join(",")}) VALUES (${columns.map(() => "?").join(",")})`,
        ).run(...Object.values(row));
      }
    } catch {
      // What lies behind the broken page is lost; what came before it is kept.
    }
  }
  close(broken);
}

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}

function close(db: DatabaseSync): void {
  if (db.isOpen) db.close();
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && (error.errcode === 5 || error.errcode === 6);
}
