/** Opens a file; a damaged one is moved away, and every row that can be read is copied into a new one. Keeps M1 [F34]. */
import { existsSync, renameSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { SQLOutputValue } from "node:sqlite";
import { errorMessage } from "@samovar/base";
import type { Millis } from "@samovar/base";
import type { DatabaseOptions } from "./open-database.ts";
import { openDatabase } from "./open-database.ts";
import { sqliteFault } from "./sqlite-fault.ts";
import { runTransaction } from "./transaction.ts";

/** A row as SQLite gives it. */
export type Row = Record<string, SQLOutputValue>;

/** A table with a rowid whose rows are worth saving. */
export interface SalvagedTable {
  readonly name: string;
  /** Whether its rows replace those that the migrations put there. */
  readonly replaces?: boolean;
  /** Whether a row that could be read can also be what it should be. */
  readonly isSound?: (row: Row) => boolean;
}

export interface SalvageOptions extends DatabaseOptions {
  /** In the order of their copying. */
  readonly tables: readonly SalvagedTable[];
  readonly now: Millis;
}

export interface Salvage {
  /** Where the damaged file is now. */
  readonly movedTo: string;
  readonly reason: string;
  /** Number of rows in each table afterwards. */
  readonly saved: Readonly<Record<string, number>>;
}

export interface OpenedDatabase {
  readonly db: DatabaseSync;
  /** Null when the file was sound. */
  readonly salvage: Salvage | null;
}

/** Throws as `openDatabase` does, except for damage. */
export function openOrSalvage(path: string, options: SalvageOptions): OpenedDatabase {
  try {
    return { db: openDatabase(path, options), salvage: null };
  } catch (error) {
    const fault = sqliteFault(error);
    if (fault !== "corrupt" && fault !== "notADatabase") throw error;
    return startOver(path, errorMessage(error), options);
  }
}

function startOver(path: string, reason: string, options: SalvageOptions): OpenedDatabase {
  const movedTo = `${path}.damaged-${options.now}`;
  for (const suffix of ["", "-wal", "-shm"]) {
    if (existsSync(path + suffix)) renameSync(path + suffix, movedTo + suffix);
  }
  const db = openDatabase(path, options);
  runTransaction(db, () => {
    for (const table of options.tables) copyTable(movedTo, table, db);
  });
  const saved = Object.fromEntries(options.tables.map(({ name }) => [name, countRows(db, name)]));
  return { db, salvage: { movedTo, reason, saved } };
}

/** From both ends, up to whatever cannot be read. */
function copyTable(from: string, table: SalvagedTable, into: DatabaseSync): void {
  for (const order of ["ASC", "DESC"]) {
    for (const row of readRows(from, `SELECT * FROM ${table.name} ORDER BY rowid ${order}`)) {
      if (table.isSound === undefined || table.isSound(row)) insert(into, table, row);
    }
  }
}

function* readRows(path: string, sql: string): Generator<Row> {
  let db: DatabaseSync | null = null;
  try {
    db = new DatabaseSync(path);
    for (const row of db.prepare(sql).iterate()) yield row;
  } catch {
    // What lies behind the damage cannot be reached from this side.
  } finally {
    db?.close();
  }
}

function insert(db: DatabaseSync, { name, replaces = false }: SalvagedTable, row: Row): void {
  const columns = Object.keys(row);
  const verb = replaces ? "REPLACE" : "INSERT OR IGNORE";
  const names = columns.map((column) => `"${column}"`).join(", ");
  try {
    db.prepare(`${verb} INTO ${name} (${names}) VALUES (${columns.map(() => "?").join(", ")})`).run(
      ...Object.values(row),
    );
  } catch {
    // A row that breaks a constraint was damaged.
  }
}

function countRows(db: DatabaseSync, table: string): number {
  return Number(db.prepare(`SELECT count(*) AS rows FROM ${table}`).get()?.["rows"]);
}
