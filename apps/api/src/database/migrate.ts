/**
 * Applies D1's migrations: append-only, in order, each recorded with its SHA-256. A database whose history differs from the
 * files is refused. A plain function over the part of D1 that it uses, so that `samovar up` and deployments can use it too.
 */
import { sha256 } from "@samovar/base/sha256";

/** The database was created by a Samovar whose data this one cannot use. */
export class EarlierVersionError extends Error {
  override readonly name = "EarlierVersionError";
}

/** A newer Samovar has migrated the database. */
export class NewerVersionError extends Error {
  override readonly name = "NewerVersionError";
  /** The newest migration that was applied. */
  readonly migration: string;

  constructor(migration: string, latest: string | undefined) {
    super(
      `a newer Samovar has migrated this database: it has ${migration}, and this version knows up to ${latest ?? "none"}`,
    );
    this.migration = migration;
  }
}

/** A prepared statement of D1. */
export interface MigrationStatement {
  bind(...values: readonly (string | number)[]): MigrationStatement;
  run(): Promise<unknown>;
  all<Row>(): Promise<{ readonly results: readonly Row[] }>;
}

export interface MigrationDatabase {
  prepare(sql: string): MigrationStatement;
  /** In one transaction. */
  batch(statements: readonly MigrationStatement[]): Promise<unknown>;
}

export interface MigrationFile {
  /** Sorts in the order of application: `0001_initial.sql`. */
  readonly name: string;
  readonly sql: string;
}

interface AppliedMigration {
  readonly name: string;
  readonly sha256: string;
}

const RECORD = `CREATE TABLE IF NOT EXISTS migrations (
  name TEXT PRIMARY KEY NOT NULL,
  sha256 TEXT NOT NULL,
  applied_at INTEGER NOT NULL
)`;

/**
 * Returns the names of the migrations that it applied. Each file and its record are one transaction. Throws, before it
 * changes anything, {@link EarlierVersionError} for a database with another beginning, {@link NewerVersionError} for one
 * that goes on after the last file, and an error if a later file was edited or removed.
 */
export async function applyMigrations(
  db: MigrationDatabase,
  files: readonly MigrationFile[],
  now: () => number = Date.now,
): Promise<readonly string[]> {
  await db.prepare(RECORD).run();
  const { results: applied } = await db
    .prepare("SELECT name, sha256 FROM migrations ORDER BY name")
    .all<AppliedMigration>();
  const ordered = files
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((file) => ({ ...file, sha256: sha256(file.sql) }));
  assertSameHistory(applied, ordered);
  const pending = ordered.slice(applied.length);
  for (const file of pending) {
    await db.batch([
      ...statements(file.sql).map((sql) => db.prepare(sql)),
      db
        .prepare("INSERT INTO migrations (name, sha256, applied_at) VALUES (?, ?, ?)")
        .bind(file.name, file.sha256, now()),
    ]);
  }
  return pending.map((file) => file.name);
}

function assertSameHistory(applied: readonly AppliedMigration[], files: readonly AppliedMigration[]): void {
  const [first, initial] = [applied[0], files[0]];
  if (first !== undefined && initial !== undefined && (first.name !== initial.name || first.sha256 !== initial.sha256))
    throw new EarlierVersionError(
      `this database begins with the migration ${first.name} of an earlier Samovar, not with this one's ${initial.name}`,
    );
  for (const [index, past] of applied.entries()) {
    const file = files[index];
    if (file === undefined) throw new NewerVersionError(applied.at(-1)?.name ?? past.name, files.at(-1)?.name);
    if (file.name !== past.name) {
      throw new Error(
        `migration ${past.name} was applied to this database, but its file is missing; migrations are append-only`,
      );
    }
    if (file.sha256 !== past.sha256) {
      throw new Error(`migration ${past.name} was edited after it was applied; add a new one instead`);
    }
  }
}

/** Each statement ends with `;` at the end of a line, and contains no other such line. */
function statements(sql: string): readonly string[] {
  return sql
    .split(/;\s*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "");
}
