/** The schema of a ProjectData object. */
import type { ObjectMigration } from "../../database/migrate-object.ts";

export const PROJECT_MIGRATIONS: readonly ObjectMigration[] = [
  {
    name: "0001_initial",
    sql: `
      CREATE TABLE sessions (
        id TEXT PRIMARY KEY, project_id TEXT NOT NULL, task_id TEXT, workspace_id TEXT, topic TEXT,
        status TEXT NOT NULL CHECK (status IN ('active', 'stopped', 'error')),
        version INTEGER NOT NULL, message_count INTEGER NOT NULL, last_message_at INTEGER,
        started_at INTEGER NOT NULL, ended_at INTEGER, activity TEXT
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
      CREATE TABLE bundles (
        session_id TEXT PRIMARY KEY REFERENCES sessions (id), bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
        chunks INTEGER NOT NULL, stored_at INTEGER NOT NULL
      ) STRICT;
      CREATE TABLE bundle_chunks (
        session_id TEXT NOT NULL REFERENCES sessions (id), n INTEGER NOT NULL, data BLOB NOT NULL,
        PRIMARY KEY (session_id, n)
      ) STRICT, WITHOUT ROWID;
    `,
  },
  {
    name: "0002_deliverers",
    sql: `
      CREATE TABLE deliverers (
        workspace_id TEXT NOT NULL, node_id TEXT NOT NULL, session_id TEXT NOT NULL, epoch INTEGER NOT NULL,
        deliver_until INTEGER, stamp INTEGER NOT NULL, PRIMARY KEY (workspace_id, node_id)
      ) STRICT, WITHOUT ROWID;
      ALTER TABLE sessions ADD COLUMN completed_at INTEGER;
    `,
  },
  {
    // A message changes no index while it grows: it enters `messages_changes` once it is final.
    name: "0003_open_messages",
    sql: `
      ALTER TABLE messages ADD COLUMN changed_at INTEGER;
      DROP INDEX messages_changes;
      CREATE UNIQUE INDEX messages_changes ON messages (session_id, changed_at_version) WHERE final = 1;
      CREATE INDEX messages_open ON messages (session_id, position) WHERE final = 0;
    `,
  },
  {
    // The index of finished messages, by the row's id; their text is in `messages` only. A session's final messages up to
    // `indexed_version` are in it.
    name: "0004_search",
    sql: `
      CREATE VIRTUAL TABLE message_search USING fts5(
        text, role, content = '', columnsize = 0, prefix = '1 2 3 4', tokenize = "unicode61 remove_diacritics 2"
      );
      ALTER TABLE sessions ADD COLUMN indexed_version INTEGER NOT NULL DEFAULT 0;
    `,
  },
];
