/**
 * The migrations of an object's database, append-only. The SHA-256 of each applied migration is stored, and an object whose
 * history differs from the list refuses to start.
 */
import { InvariantError } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";

export interface ObjectMigration {
  readonly name: string;
  readonly sql: string;
}

function computeChecksum({ name, sql }: ObjectMigration): string {
  return sha256(`${name}\n${sql}`);
}

/** All or nothing. Throws {@link InvariantError} if an applied migration was edited, removed or is unknown. */
export function migrateObject(storage: DurableObjectStorage, migrations: readonly ObjectMigration[]): void {
  storage.transactionSync(() => {
    const { sql } = storage;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS migrations (position INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT",
    );
    const applied = sql
      .exec<{ name: string; checksum: string }>("SELECT name, checksum FROM migrations ORDER BY position")
      .toArray();
    for (const [position, done] of applied.entries()) {
      const known = migrations[position];
      if (known === undefined || computeChecksum(known) !== done.checksum) {
        throw new InvariantError(`the object's migration ${done.name} was edited or removed after it was applied`);
      }
    }
    for (const [position, migration] of migrations.entries()) {
      if (position < applied.length) continue;
      sql.exec(migration.sql);
      sql.exec(
        "INSERT INTO migrations (position, name, checksum) VALUES (?, ?, ?)",
        position,
        migration.name,
        computeChecksum(migration),
      );
    }
  });
}
