/** The session-host's tables. Append-only: a new shape is a new entry. */

export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE identity (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    workspace TEXT NOT NULL, session TEXT NOT NULL, project TEXT NOT NULL, node TEXT NOT NULL, epoch INTEGER NOT NULL
  );
  CREATE TABLE outbox (
    message_id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL UNIQUE,
    role TEXT NOT NULL, kind TEXT NOT NULL, content TEXT NOT NULL, tool_metadata TEXT,
    revision INTEGER NOT NULL, final INTEGER NOT NULL, interrupted INTEGER NOT NULL, truncated TEXT,
    acked_revision INTEGER NOT NULL DEFAULT 0, acked_length INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, last_error TEXT
  );
  CREATE INDEX outbox_pending ON outbox (seq) WHERE revision > acked_revision;
  CREATE TABLE dead_letter (
    message_id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    role TEXT NOT NULL, kind TEXT NOT NULL, content TEXT NOT NULL, tool_metadata TEXT,
    revision INTEGER NOT NULL, final INTEGER NOT NULL, interrupted INTEGER NOT NULL, truncated TEXT,
    acked_revision INTEGER NOT NULL, acked_length INTEGER NOT NULL,
    created_at INTEGER NOT NULL, attempts INTEGER NOT NULL, last_error TEXT,
    reason TEXT NOT NULL, at INTEGER NOT NULL
  );
  CREATE TABLE transcript (seq INTEGER PRIMARY KEY, message_id TEXT NOT NULL UNIQUE, leaf TEXT NOT NULL);
  CREATE TABLE life (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    began_at INTEGER, agent_pid INTEGER, started_at INTEGER, end TEXT, current TEXT
  );
  INSERT INTO life (one) VALUES (1);
  `,
  "ALTER TABLE life ADD COLUMN closed INTEGER NOT NULL DEFAULT 0",
  "ALTER TABLE life ADD COLUMN metered TEXT",
];
