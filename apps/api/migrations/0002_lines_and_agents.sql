ALTER TABLE projects ADD COLUMN checkout TEXT;
ALTER TABLE projects ADD COLUMN commit_identity TEXT;

ALTER TABLE tasks ADD COLUMN model TEXT;
ALTER TABLE tasks ADD COLUMN permission_mode TEXT;
ALTER TABLE tasks ADD COLUMN depends_on TEXT;

ALTER TABLE workspaces ADD COLUMN agent TEXT;

CREATE TABLE task_queue (
  task_id TEXT PRIMARY KEY NOT NULL REFERENCES tasks (id),
  owner_id TEXT NOT NULL REFERENCES users (id),
  run_id TEXT NOT NULL,
  size TEXT NOT NULL,
  code TEXT NOT NULL,
  blocked_by TEXT NOT NULL,
  rank INTEGER NOT NULL,
  queued_at INTEGER NOT NULL,
  polled_at INTEGER NOT NULL
);
CREATE INDEX task_queue_line ON task_queue (owner_id, code, size, rank, queued_at, task_id);

CREATE TABLE agent_definitions (
  owner_id TEXT NOT NULL REFERENCES users (id),
  kind TEXT NOT NULL,
  definition TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (owner_id, kind)
);

CREATE TABLE agent_offers (
  owner_id TEXT NOT NULL REFERENCES users (id),
  kind TEXT NOT NULL,
  capabilities TEXT NOT NULL,
  told_at INTEGER NOT NULL,
  PRIMARY KEY (owner_id, kind)
);
