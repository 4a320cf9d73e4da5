/**
 * The daemon's SQLite file: received commands, unacknowledged events, workspaces and sessions [R5][R21]. Only one
 * daemon at a time can open it.
 */
import type { Millis } from "@samovar/base";
import type { OpenedDatabase } from "@samovar/sqlite";
import { closeSync, openSync } from "node:fs";
import { openOrSalvage, sqliteFault } from "@samovar/sqlite";

/** Append-only: one entry per schema version. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
   CREATE TABLE link_events (n INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL) STRICT;
   CREATE TABLE link_inbox (id TEXT PRIMARY KEY, n INTEGER NOT NULL, kind TEXT NOT NULL, received_at INTEGER NOT NULL) STRICT;
   CREATE INDEX link_inbox_order ON link_inbox (n);
   CREATE TABLE workspaces (
     id TEXT PRIMARY KEY, directory_name TEXT NOT NULL UNIQUE, args TEXT NOT NULL, state TEXT NOT NULL,
     branch TEXT, base_commit TEXT, updated_at INTEGER NOT NULL) STRICT;
   CREATE TABLE agent_sessions (
     id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, args TEXT NOT NULL, phase TEXT NOT NULL, cancel_reason TEXT,
     start_reported INTEGER NOT NULL DEFAULT 0, launches INTEGER NOT NULL DEFAULT 0, process TEXT, mark TEXT,
     reported_end TEXT, finish TEXT, updated_at INTEGER NOT NULL) STRICT;
   CREATE INDEX agent_sessions_workspace ON agent_sessions (workspace_id);`,
];

const TABLES = ["facts", "link_events", "link_inbox", "workspaces", "agent_sessions"].map((name) => ({ name }));

/** A daemon that was just killed may not have released the file yet. */
const LOCK_TIMEOUT_MS = 2000;

export class StoreBusyError extends Error {
  override readonly name = "StoreBusyError";
}

/** Throws {@link StoreBusyError} when another daemon has the file open. */
export function openStore(path: string, now: Millis): OpenedDatabase {
  // SQLite gives its other files the mode of this one. Users of workspaces may be able to pass the directory.
  closeSync(openSync(path, "a", 0o600));
  try {
    return openOrSalvage(path, { migrations: MIGRATIONS, lockTimeoutMs: LOCK_TIMEOUT_MS, tables: TABLES, now });
  } catch (error) {
    if (sqliteFault(error) === "busy") throw new StoreBusyError(`another daemon has ${path} open`, { cause: error });
    throw error;
  }
}
