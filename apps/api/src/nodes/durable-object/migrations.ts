/** The schema of a NodeLifecycle object. */
import type { ObjectMigration } from "../../database/migrate-object.ts";

export const NODE_MIGRATIONS: readonly ObjectMigration[] = [
  {
    name: "0001_node",
    sql: `
      CREATE TABLE node (one INTEGER PRIMARY KEY CHECK (one = 1), identity TEXT NOT NULL, record TEXT NOT NULL, version INTEGER NOT NULL) STRICT;
      CREATE TABLE link (one INTEGER PRIMARY KEY CHECK (one = 1), state TEXT NOT NULL, connection TEXT) STRICT;
      CREATE TABLE commands (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, args TEXT NOT NULL, queued_at INTEGER NOT NULL) STRICT;
      CREATE TABLE workspaces (workspace_id TEXT PRIMARY KEY, lease TEXT NOT NULL, told TEXT NOT NULL, projected INTEGER NOT NULL DEFAULT 0) STRICT;
      CREATE TABLE outboxes (session_id TEXT PRIMARY KEY, stats TEXT NOT NULL) STRICT;
      CREATE TABLE alarms (name TEXT PRIMARY KEY, due_at INTEGER NOT NULL) STRICT;
      CREATE TABLE nudges (run_id TEXT PRIMARY KEY, stamp INTEGER NOT NULL, attempts INTEGER NOT NULL) STRICT;
      CREATE TABLE projection (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, attempts INTEGER NOT NULL) STRICT;
      CREATE TABLE bootstrap_tokens (hash TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) STRICT;
      CREATE TABLE bootstrap_claim (one INTEGER PRIMARY KEY CHECK (one = 1), token_hash TEXT NOT NULL, claim_hash TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
      CREATE TABLE refusals (at INTEGER NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
    `,
  },
  {
    name: "0002_offers",
    sql: `
      CREATE TABLE offers (workspace_id TEXT PRIMARY KEY, capabilities TEXT NOT NULL, told_at INTEGER NOT NULL, attempts INTEGER NOT NULL) STRICT;
    `,
  },
  {
    name: "0003_room",
    sql: `
      CREATE TABLE room (one INTEGER PRIMARY KEY CHECK (one = 1), stamp INTEGER NOT NULL, attempts INTEGER NOT NULL) STRICT;
    `,
  },
  {
    // Slots have learned whether their workspace is kept; those of before hold their places until they are given back.
    name: "0004_kept_slots",
    sql: `
      UPDATE node SET record = json_set(record, '$.slots', (
        SELECT json_group_array(json_set(value, '$.retained', json('false'))) FROM json_each(record, '$.slots')));
    `,
  },
];
