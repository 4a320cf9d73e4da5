/**
 * An object's own schema, step by step: append-only. The SHA-256 of each step is kept with it, and an object whose
 * past differs from its list refuses to start rather than guess.
 */
import { InvariantError } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";

export interface ObjectMigration {
  readonly name: string;
  readonly sql: string;
}

export function checksumOf({ name, sql }: ObjectMigration): string {
  return sha256(`${name}\n${sql}`);
}

/** All or nothing: throws {@link InvariantError} when a step that ran was edited, removed, or is not known here. */
export function migrateObject(storage: DurableObjectStorage, migrations: readonly ObjectMigration[]): void {
  storage.transactionSync(() => {
    const { sql } = storage;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS migrations (position INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT",
    );
    const past = sql
      .exec<{ name: string; checksum: string }>("SELECT name, checksum FROM migrations ORDER BY position")
      .toArray();
    for (const [position, done] of past.entries()) {
      const known = migrations[position];
      if (known === undefined || checksumOf(known) !== done.checksum) {
        throw new InvariantError(`the object's migration ${done.name} was edited or removed after it ran`);
      }
    }
    for (const [position, migration] of migrations.entries()) {
      if (position < past.length) continue;
      sql.exec(migration.sql);
      sql.exec(
        "INSERT INTO migrations (position, name, checksum) VALUES (?, ?, ?)",
        position,
        migration.name,
        checksumOf(migration),
      );
    }
  });
}
