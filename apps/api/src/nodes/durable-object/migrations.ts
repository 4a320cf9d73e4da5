/** The schema of a NodeLifecycle object. */
import type { ObjectMigration } from "../../database/migrate-object.ts";

export const NODE_MIGRATIONS: readonly ObjectMigration[] = [
  {
    name: "0001_initial",
    sql: `
      CREATE TABLE node (one INTEGER PRIMARY KEY CHECK (one = 1), identity TEXT NOT NULL, record TEXT NOT NULL, version INTEGER NOT NULL) STRICT;
      CREATE TABLE link (one INTEGER PRIMARY KEY CHECK (one = 1), state TEXT NOT NULL, connection TEXT) STRICT;
      CREATE TABLE commands (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, args TEXT NOT NULL, queued_at INTEGER NOT NULL) STRICT;
      CREATE TABLE workspaces (workspace_id TEXT PRIMARY KEY, lease TEXT NOT NULL, facts TEXT NOT NULL, projected INTEGER NOT NULL DEFAULT 0) STRICT;
      CREATE TABLE outboxes (session_id TEXT PRIMARY KEY, stats TEXT NOT NULL) STRICT;
      CREATE TABLE alarms (name TEXT PRIMARY KEY, due_at INTEGER NOT NULL) STRICT;
      CREATE TABLE signals (run_id TEXT PRIMARY KEY, stamp INTEGER NOT NULL, attempts INTEGER NOT NULL) STRICT;
      CREATE TABLE capabilities (workspace_id TEXT PRIMARY KEY, capabilities TEXT NOT NULL, reported_at INTEGER NOT NULL, attempts INTEGER NOT NULL) STRICT;
      CREATE TABLE queue_wake (one INTEGER PRIMARY KEY CHECK (one = 1), stamp INTEGER NOT NULL, attempts INTEGER NOT NULL) STRICT;
      CREATE TABLE projection (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, attempts INTEGER NOT NULL) STRICT;
      CREATE TABLE bootstrap_tokens (hash TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) STRICT;
      CREATE TABLE bootstrap_claim (one INTEGER PRIMARY KEY CHECK (one = 1), token_hash TEXT NOT NULL, claim_hash TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
      CREATE TABLE refusals (at INTEGER NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
    `,
  },
  {
    name: "0002_deliverers",
    sql: `
      ALTER TABLE workspaces ADD COLUMN deliver_until INTEGER;
      ALTER TABLE workspaces ADD COLUMN deliverer_stamp INTEGER NOT NULL DEFAULT 1;
      ALTER TABLE workspaces ADD COLUMN deliverer_reported INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE workspaces ADD COLUMN deliverer_attempts INTEGER NOT NULL DEFAULT 0;
    `,
  },
  {
    name: "0003_metering",
    sql: `
      CREATE TABLE metering (workspace_id TEXT PRIMARY KEY, lease TEXT NOT NULL, metered TEXT NOT NULL, stamp INTEGER NOT NULL, written INTEGER NOT NULL DEFAULT 0, due_at INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0) STRICT;
    `,
  },
];
