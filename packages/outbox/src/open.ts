/** Opens a session's file; a damaged one is set aside and what can be read of it is saved. Keeps M1 [F34]. */
import { existsSync, renameSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Clock } from "@samovar/base";
import { errorMessage } from "@samovar/base";
import type { Row } from "./database.ts";
import { openDatabase, sqliteFault, transaction } from "./database.ts";
import { readRow } from "./rows.ts";

export interface Salvage {
  /** Where the damaged file is now. */
  readonly setAside: string;
  readonly reason: string;
  /** Rows that were read from it. */
  readonly saved: number;
}

export interface OpenedFile {
  readonly db: DatabaseSync;
  /** Null when the file was sound. */
  readonly salvage: Salvage | null;
}

/** Throws when the file is in use by another process, or cannot be written. */
export function openSessionFile(path: string, clock: Clock): OpenedFile {
  try {
    return { db: openDatabase(path), salvage: null };
  } catch (error) {
    const fault = sqliteFault(error);
    if (fault !== "corrupt" && fault !== "notADatabase") throw error;
    return startOver(path, errorMessage(error), clock);
  }
}

const TABLES = ["identity", "life", "transcript", "dead_letter", "outbox"] as const;
type Table = (typeof TABLES)[number];

function startOver(path: string, reason: string, clock: Clock): OpenedFile {
  const setAside = `${path}.damaged-${clock.now()}`;
  for (const suffix of ["", "-wal", "-shm"]) {
    if (existsSync(path + suffix)) renameSync(path + suffix, setAside + suffix);
  }
  const db = openDatabase(path);
  const saved = transaction(db, () => TABLES.reduce((sum, table) => sum + saveTable(setAside, table, db), 0));
  return { db, salvage: { setAside, reason, saved } };
}

/** From both ends, up to whatever cannot be read. */
function saveTable(setAside: string, table: Table, into: DatabaseSync): number {
  let saved = 0;
  for (const order of ["ASC", "DESC"]) {
    for (const row of readable(setAside, `SELECT * FROM ${table} ORDER BY rowid ${order}`)) {
      if (isSound(table, row)) saved += insert(into, table, row);
    }
  }
  return saved;
}

function* readable(path: string, sql: string): Generator<Row> {
  let db: DatabaseSync | null = null;
  try {
    db = new DatabaseSync(path);
    for (const row of db.prepare(sql).iterate()) yield row;
  } catch {
    // What lies behind the damage is out of reach from this side.
  } finally {
    db?.close();
  }
}

function isSound(table: Table, row: Row): boolean {
  if (table !== "outbox" && table !== "dead_letter") return true;
  try {
    readRow(row);
    return true;
  } catch {
    return false;
  }
}

function insert(db: DatabaseSync, table: Table, row: Row): number {
  const names = Object.keys(row);
  const verb = table === "life" ? "REPLACE" : "INSERT OR IGNORE";
  const sql = `${verb} INTO ${table} (${names.map((name) => `"${name}"`).join(", ")}) VALUES (${names.map(() => "?").join(", ")})`;
  try {
    const { changes } = db.prepare(sql).run(...Object.values(row));
    return table === "outbox" || table === "dead_letter" ? Number(changes) : 0;
  } catch {
    // A row that breaks a constraint was damaged.
    return 0;
  }
}
