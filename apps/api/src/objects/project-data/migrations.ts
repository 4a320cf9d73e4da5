/**
 * The object's own schema: append-only. The SHA-256 of each step is kept with it, and an object whose past
 * differs from this list refuses to start rather than guess.
 */
import { createHash } from "node:crypto";
import { InvariantError } from "@samovar/base";

export interface Migration {
  readonly name: string;
  readonly sql: string;
}

export const PROJECT_MIGRATIONS: readonly Migration[] = [
  {
    name: "0001_sessions_and_messages",
    sql: `
      CREATE TABLE sessions (
        id TEXT PRIMARY KEY, project_id TEXT NOT NULL, task_id TEXT, workspace_id TEXT, topic TEXT,
        status TEXT NOT NULL CHECK (status IN ('active', 'stopped', 'error')),
        version INTEGER NOT NULL, message_count INTEGER NOT NULL, last_message_at INTEGER,
        started_at INTEGER NOT NULL, ended_at INTEGER
      ) STRICT;
      CREATE INDEX sessions_task ON sessions (task_id, id);
      CREATE TABLE messages (
        id TEXT PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions (id), position INTEGER NOT NULL,
        changed_at_version INTEGER NOT NULL, size INTEGER NOT NULL,
        origin TEXT NOT NULL CHECK (origin IN ('node', 'page')), workspace_id TEXT,
        role TEXT NOT NULL, kind TEXT NOT NULL, revision INTEGER NOT NULL,
        final INTEGER NOT NULL, interrupted INTEGER NOT NULL, truncated TEXT,
        created_at INTEGER NOT NULL, content TEXT NOT NULL, tool_metadata TEXT
      ) STRICT;
      CREATE UNIQUE INDEX messages_position ON messages (session_id, position);
      CREATE UNIQUE INDEX messages_changes ON messages (session_id, changed_at_version);
    `,
  },
];

export function checksumOf({ name, sql }: Migration): string {
  return createHash("sha256").update(`${name}\n${sql}`).digest("hex");
}

/** All or nothing: throws {@link InvariantError} when a step that ran was edited, removed, or is not known here. */
export function migrate(storage: DurableObjectStorage, migrations: readonly Migration[] = PROJECT_MIGRATIONS): void {
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
        throw new InvariantError(`the project's migration ${done.name} was edited or removed after it ran`);
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
