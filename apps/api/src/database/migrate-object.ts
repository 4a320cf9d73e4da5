/**
 * The migrations of an object's database, append-only. The SHA-256 of each applied migration is stored, and an object whose
 * history differs from the list refuses to start. One whose history is longer was migrated by a newer version: after a
 * rollback, or while two versions run at once. It refuses all calls, unchanged, until that version is back.
 */
import { InvariantError } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import { SamovarError } from "@samovar/contracts";

export interface ObjectMigration {
  readonly name: string;
  readonly sql: string;
}

/** How much later an object that a newer version has migrated sets its alarm again. */
const RETRY_ALARM_MS = 300_000;

function computeChecksum({ name, sql }: ObjectMigration): string {
  return sha256(`${name}\n${sql}`);
}

/** Whether the object stores anything. Creates nothing. */
export function hasSchema({ sql }: DurableObjectStorage): boolean {
  return sql.exec("SELECT 1 FROM sqlite_schema WHERE name = 'migrations'").toArray().length > 0;
}

/**
 * All or nothing. Throws {@link InvariantError} if an applied migration was edited, and `newer_data` if the object has
 * migrations that this version does not know.
 */
export function migrateObject(storage: DurableObjectStorage, migrations: readonly ObjectMigration[]): void {
  storage.transactionSync(() => {
    const { sql } = storage;
    const applied = hasSchema(storage)
      ? sql
          .exec<{ name: string; checksum: string }>("SELECT name, checksum FROM migrations ORDER BY position")
          .toArray()
      : [];
    for (const [position, done] of applied.entries()) {
      const known = migrations[position];
      if (known === undefined) throw toNewerData(applied.at(-1)?.name ?? done.name, migrations.at(-1)?.name);
      if (computeChecksum(known) !== done.checksum)
        throw new InvariantError(`the object's migration ${done.name} was edited or removed after it was applied`);
    }
    if (applied.length === migrations.length) return;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS migrations (position INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT",
    );
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

const toNewerData = (stored: string, known: string | undefined) =>
  new SamovarError(
    "newer_data",
    `A newer version of Samovar wrote this data: it has the migration ${stored}, and this version knows up to ${known ?? "none"}. Nothing was changed. Deploy a version that has ${stored} again.`,
    { migration: stored },
  );

/** Gives access to the parts of an object, which exist only while its schema is this version's. */
export class ObjectParts<T> {
  readonly #storage: DurableObjectStorage;
  readonly #migrations: readonly ObjectMigration[];
  readonly #create: () => T;
  #parts: T | null = null;
  #refusal: SamovarError | null = null;

  constructor(storage: DurableObjectStorage, migrations: readonly ObjectMigration[], create: () => T) {
    this.#storage = storage;
    this.#migrations = migrations;
    this.#create = create;
  }

  /** Applies the pending migrations, unless a newer version has migrated the object. */
  open(): void {
    try {
      migrateObject(this.#storage, this.#migrations);
    } catch (error) {
      if (!(error instanceof SamovarError)) throw error;
      this.#refusal = error;
      return;
    }
    this.#parts = this.#create();
  }

  /** Whether a newer version has migrated the object. */
  get isNewer(): boolean {
    return this.#refusal !== null;
  }

  /** Null: the object was not opened. Throws `newer_data`. */
  find(): T | null {
    if (this.#refusal !== null) throw this.#refusal;
    return this.#parts;
  }

  /** Throws `newer_data`. */
  get(): T {
    const parts = this.find();
    if (parts === null) throw new InvariantError("the object stores nothing");
    return parts;
  }

  /** Deletes everything that is stored, the alarm included. */
  async deleteAll(): Promise<void> {
    this.#parts = null;
    await this.#storage.deleteAlarm();
    await this.#storage.deleteAll();
  }

  /** Keeps the alarm for the newer version, because the platform gives up an alarm that fails several times. */
  async postponeAlarm(now: number): Promise<void> {
    await this.#storage.setAlarm(now + RETRY_ALARM_MS);
  }
}
