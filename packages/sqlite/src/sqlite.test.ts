/** Tests over real files. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDatabase, openOrSalvage, runTransaction, sqliteFault } from "./index.ts";
import type { SalvagedTable } from "./index.ts";

const NOTES = "CREATE TABLE notes (n INTEGER PRIMARY KEY, text TEXT NOT NULL)";
const STATE =
  "CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), value TEXT); INSERT INTO state VALUES (1, '')";
const migrations = [NOTES, STATE];

let directory: string;
let path: string;
const opened: DatabaseSync[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "smv-sqlite-"));
  path = join(directory, "file.sqlite");
});
afterEach(() => {
  for (const db of opened.splice(0)) if (db.isOpen) db.close();
  rmSync(directory, { recursive: true });
});

function open(versions: readonly string[] = migrations): DatabaseSync {
  const db = openDatabase(path, { migrations: versions });
  opened.push(db);
  return db;
}

function salvage(...tables: readonly SalvagedTable[]) {
  const result = openOrSalvage(path, { migrations, tables, now: 1000 });
  opened.push(result.db);
  return result;
}

const countNotes = (db: DatabaseSync) => db.prepare("SELECT count(*) AS n FROM notes").get()?.["n"];

function catchError(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

describe("opening", () => {
  it("[F6] syncs fully, with a write-ahead log", () => {
    const db = open();
    expect(db.prepare("PRAGMA journal_mode").get()).toMatchObject({ journal_mode: "wal" });
    expect(db.prepare("PRAGMA synchronous").get()).toMatchObject({ synchronous: 2 });
  });

  it("applies the migrations that a file does not have yet", () => {
    const first = open([NOTES]);
    first.exec("INSERT INTO notes VALUES (1, 'retained')");
    first.close();
    const second = open();
    expect(countNotes(second)).toBe(1);
    expect(second.prepare("SELECT value FROM state").get()).toMatchObject({ value: "" });
  });

  it("applies all of the migrations or none", () => {
    expect(() => open([NOTES, "CREATE TABLE notes (n)"])).toThrow(/already exists/);
    expect(countNotes(open([NOTES]))).toBe(0);
  });

  it("refuses a file of a newer version and leaves it as it is", () => {
    open().close();
    expect(() => open([NOTES])).toThrow(/another version/);
    expect(() => openOrSalvage(path, { migrations: [NOTES], tables: [], now: 1 })).toThrow(/another version/);
    expect(countNotes(open())).toBe(0);
  });

  it("refuses a file that another connection has", () => {
    open();
    expect(sqliteFault(catchError(() => open()))).toBe("busy");
    expect(sqliteFault(catchError(() => salvage()))).toBe("busy");
    expect(existsSync(`${path}.damaged-1000`)).toBe(false);
  });
});

describe("a transaction", () => {
  it("takes nothing of what throws midway", () => {
    const db = open();
    const work = () => {
      db.exec("INSERT INTO notes VALUES (1, 'a')");
      throw new Error("midway");
    };
    expect(() => runTransaction(db, work)).toThrow("midway");
    expect(countNotes(db)).toBe(0);
  });

  it("[F33] takes nothing when the disk is full, and the fault says so", () => {
    const db = open();
    const { page_count: pages } = db.prepare("PRAGMA page_count").get() ?? {};
    db.exec(`PRAGMA max_page_count = ${Number(pages) + 2}`);
    const fill = () =>
      runTransaction(db, () => {
        db.exec("INSERT INTO notes VALUES (1, 'small')");
        db.prepare("INSERT INTO notes VALUES (2, ?)").run("x".repeat(100_000));
      });
    expect(sqliteFault(catchError(fill))).toBe("full");
    expect(countNotes(db)).toBe(0);
  });
});

describe("salvaging", () => {
  function writeNotes(count: number): void {
    const db = open();
    const insert = db.prepare("INSERT INTO notes VALUES (?, ?)");
    runTransaction(db, () => {
      for (let n = 1; n <= count; n++) insert.run(n, `${n} ${"x".repeat(900)}`);
      db.exec("UPDATE state SET value = 'working'");
    });
    db.close();
  }

  function damageMiddle(): Buffer {
    const bytes = readFileSync(path);
    bytes.fill(0xff, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 4096);
    writeFileSync(path, bytes);
    return bytes;
  }

  it("leaves a sound file alone", () => {
    writeNotes(3);
    expect(salvage({ name: "notes" }).salvage).toBeNull();
  });

  it("[F34] moves a damaged file away and saves rows from both sides of the damage", () => {
    writeNotes(200);
    const bytes = damageMiddle();
    const { db, salvage: result } = salvage({ name: "notes" }, { name: "state", replaces: true });
    expect(result?.movedTo).toBe(`${path}.damaged-1000`);
    expect(readFileSync(`${path}.damaged-1000`)).toHaveLength(bytes.length);
    expect(result?.saved["notes"]).toBe(countNotes(db));
    expect(result?.saved["notes"]).toBeGreaterThan(100);
    expect(result?.saved["notes"]).toBeLessThan(200);
    expect(db.prepare("SELECT min(n) AS first, max(n) AS last FROM notes").get()).toMatchObject({
      first: 1,
      last: 200,
    });
    expect(db.prepare("SELECT value FROM state").get()).toMatchObject({ value: "working" });
  });

  it("[F34] leaves out rows that cannot be what they should be", () => {
    writeNotes(200);
    damageMiddle();
    const { db } = salvage({ name: "notes", isSound: (row) => row["n"] !== 1 });
    expect(db.prepare("SELECT min(n) AS first FROM notes").get()).toMatchObject({ first: 2 });
  });

  it("[F34] starts over after a file that is no database at all", () => {
    writeFileSync(path, "not a database, but long enough to look like one".repeat(100));
    const { db, salvage: result } = salvage({ name: "notes" });
    expect(result).toMatchObject({ saved: { notes: 0 } });
    expect(countNotes(db)).toBe(0);
  });
});
