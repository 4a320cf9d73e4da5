/**
 * Applies D1's migrations: append-only, replayed from zero, each recorded with its SHA-256. A file that was
 * edited or lost after it ran is refused. A plain function over D1, so that the CLI uses it too.
 */
import type { D1Database } from "@cloudflare/workers-types";
import { sha256 } from "@samovar/base/sha256";

export interface MigrationFile {
  /** Sorts in the order of application: `0001_first.sql`. */
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

/** Answers the names that it applied. Each file and its record are one transaction. Throws before it changes anything when history disagrees. */
export async function applyMigrations(
  db: D1Database,
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
  refuseAnotherHistory(applied, ordered);
  const fresh = ordered.slice(applied.length);
  for (const file of fresh) {
    await db.batch([
      ...statements(file.sql).map((sql) => db.prepare(sql)),
      db
        .prepare("INSERT INTO migrations (name, sha256, applied_at) VALUES (?, ?, ?)")
        .bind(file.name, file.sha256, now()),
    ]);
  }
  return fresh.map((file) => file.name);
}

function refuseAnotherHistory(applied: readonly AppliedMigration[], files: readonly AppliedMigration[]): void {
  for (const [index, past] of applied.entries()) {
    const file = files[index];
    if (file === undefined || file.name !== past.name) {
      throw new Error(
        `migration ${past.name} was applied to this database and is missing now; migrations are append-only`,
      );
    }
    if (file.sha256 !== past.sha256) {
      throw new Error(`migration ${past.name} was edited after it was applied; add a new one instead`);
    }
  }
}

/** Our migrations end each statement with `;` at the end of a line and hold none inside. */
function statements(sql: string): readonly string[] {
  return sql
    .split(/;\s*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "");
}
