/**
 * The object's own schema: append-only. Each step is kept with its exact text, and an object whose past differs
 * from this list refuses to start rather than guess.
 */
import { InvariantError } from "@samovar/base";

export interface ObjectMigration {
  readonly name: string;
  readonly sql: string;
}

export const NODE_MIGRATIONS: readonly ObjectMigration[] = [
  {
    name: "0001_node",
    sql: `
      CREATE TABLE node (one INTEGER PRIMARY KEY CHECK (one = 1), identity TEXT NOT NULL, record TEXT NOT NULL, version INTEGER NOT NULL) STRICT;
      CREATE TABLE link (one INTEGER PRIMARY KEY CHECK (one = 1), state TEXT NOT NULL, connection TEXT) STRICT;
      CREATE TABLE commands (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, args TEXT NOT NULL, queued_at INTEGER NOT NULL) STRICT;
      CREATE TABLE workspaces (workspace_id TEXT PRIMARY KEY, holder TEXT NOT NULL, told TEXT NOT NULL, projected INTEGER NOT NULL DEFAULT 0) STRICT;
      CREATE TABLE outboxes (session_id TEXT PRIMARY KEY, stats TEXT NOT NULL) STRICT;
      CREATE TABLE alarms (name TEXT PRIMARY KEY, due_at INTEGER NOT NULL) STRICT;
      CREATE TABLE nudges (run_id TEXT PRIMARY KEY, stamp INTEGER NOT NULL, attempts INTEGER NOT NULL) STRICT;
      CREATE TABLE projection (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, attempts INTEGER NOT NULL) STRICT;
      CREATE TABLE bootstrap_tokens (hash TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) STRICT;
      CREATE TABLE bootstrap_claim (one INTEGER PRIMARY KEY CHECK (one = 1), token_hash TEXT NOT NULL, claim_hash TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
      CREATE TABLE refusals (at INTEGER NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
    `,
  },
];

export function migrate(storage: DurableObjectStorage, migrations: readonly ObjectMigration[] = NODE_MIGRATIONS): void {
  storage.transactionSync(() => {
    const { sql } = storage;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS migrations (position INTEGER PRIMARY KEY, name TEXT NOT NULL, sql TEXT NOT NULL) STRICT",
    );
    const past = sql
      .exec<{ position: number; name: string; sql: string }>(
        "SELECT position, name, sql FROM migrations ORDER BY position",
      )
      .toArray();
    for (const done of past) {
      const known = migrations[done.position];
      if (known === undefined || known.name !== done.name || known.sql !== done.sql) {
        throw new InvariantError(`the node's migration ${done.name} was edited or removed after it ran`);
      }
    }
    for (const [position, migration] of migrations.entries()) {
      if (position < past.length) continue;
      sql.exec(migration.sql);
      sql.exec(
        "INSERT INTO migrations (position, name, sql) VALUES (?, ?, ?)",
        position,
        migration.name,
        migration.sql,
      );
    }
  });
}
