CREATE TABLE users (
  id TEXT PRIMARY KEY NOT NULL,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL
);

CREATE TABLE cookie_sessions (
  hash TEXT PRIMARY KEY NOT NULL,
  user_id TEXT NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
);
CREATE INDEX cookie_sessions_expiry ON cookie_sessions (expires_at);

CREATE TABLE sign_in_links (
  hash TEXT PRIMARY KEY NOT NULL,
  user_id TEXT NOT NULL REFERENCES users (id),
  expires_at INTEGER NOT NULL,
  redeemed_at INTEGER
);

CREATE TABLE api_tokens (
  id TEXT PRIMARY KEY NOT NULL,
  owner_id TEXT NOT NULL REFERENCES users (id),
  name TEXT NOT NULL,
  hash TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  last_used_at INTEGER
);
CREATE UNIQUE INDEX api_tokens_hash ON api_tokens (hash);
CREATE INDEX api_tokens_owner ON api_tokens (owner_id, id);

CREATE TABLE credentials (
  id TEXT PRIMARY KEY NOT NULL,
  owner_id TEXT NOT NULL REFERENCES users (id),
  kind TEXT NOT NULL,
  ciphertext TEXT NOT NULL,
  iv TEXT NOT NULL,
  key_id TEXT NOT NULL,
  hint TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER
);
CREATE UNIQUE INDEX credentials_owner_kind ON credentials (owner_id, kind);

CREATE TABLE projects (
  id TEXT PRIMARY KEY NOT NULL,
  owner_id TEXT NOT NULL REFERENCES users (id),
  name TEXT NOT NULL,
  repo_url TEXT NOT NULL,
  base_branch TEXT,
  default_vm_size TEXT,
  default_agent TEXT,
  checkout TEXT,
  commit_identity TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  archived_at INTEGER
);
CREATE INDEX projects_owner ON projects (owner_id, id);

CREATE TABLE tasks (
  id TEXT PRIMARY KEY NOT NULL,
  project_id TEXT NOT NULL REFERENCES projects (id),
  session_id TEXT NOT NULL,
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  prompt_message_id TEXT NOT NULL,
  status TEXT NOT NULL,
  priority INTEGER NOT NULL DEFAULT 0,
  vm_size TEXT,
  agent TEXT,
  model TEXT,
  permission_mode TEXT,
  base_branch TEXT,
  depends_on TEXT,
  run_id TEXT,
  node_id TEXT,
  workspace_id TEXT,
  branch TEXT,
  output TEXT,
  failure TEXT,
  cancel_requested INTEGER NOT NULL DEFAULT 0,
  acknowledged INTEGER NOT NULL DEFAULT 0,
  attempt INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  started_at INTEGER,
  ended_at INTEGER
);
CREATE INDEX tasks_board ON tasks (project_id, status, priority, id);
CREATE INDEX tasks_newest ON tasks (project_id, id);
CREATE INDEX tasks_activity ON tasks (project_id, updated_at);
CREATE INDEX tasks_status ON tasks (status, id);

CREATE TABLE task_events (
  task_id TEXT NOT NULL REFERENCES tasks (id),
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  kind TEXT NOT NULL,
  data TEXT NOT NULL,
  dedupe_key TEXT,
  PRIMARY KEY (task_id, seq)
);
CREATE UNIQUE INDEX task_events_dedupe ON task_events (task_id, dedupe_key);

CREATE TABLE nodes (
  id TEXT PRIMARY KEY NOT NULL,
  owner_id TEXT NOT NULL REFERENCES users (id),
  name TEXT NOT NULL,
  provider TEXT NOT NULL,
  server_id TEXT,
  size TEXT NOT NULL,
  location TEXT,
  state TEXT NOT NULL,
  version INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  slots INTEGER NOT NULL,
  task_ids TEXT NOT NULL,
  retained_task_ids TEXT NOT NULL DEFAULT '[]',
  taken INTEGER NOT NULL DEFAULT 0,
  warm_until INTEGER,
  unreachable_since INTEGER,
  outbox TEXT NOT NULL,
  price_amount TEXT,
  price_currency TEXT,
  max_lifetime_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  destroyed_at INTEGER,
  failure TEXT
);
CREATE INDEX nodes_owner_state ON nodes (owner_id, state, id);
CREATE UNIQUE INDEX nodes_name ON nodes (name);

CREATE TABLE node_history (
  node_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  owner_id TEXT NOT NULL REFERENCES users (id),
  at INTEGER NOT NULL,
  state TEXT NOT NULL,
  tasks INTEGER NOT NULL,
  PRIMARY KEY (node_id, version)
);
CREATE INDEX node_history_owner ON node_history (owner_id, at);

CREATE TABLE workspaces (
  id TEXT PRIMARY KEY NOT NULL,
  owner_id TEXT NOT NULL REFERENCES users (id),
  project_id TEXT,
  session_id TEXT,
  task_id TEXT,
  node_id TEXT NOT NULL,
  branch TEXT,
  agent TEXT,
  state TEXT NOT NULL,
  failure TEXT,
  retained_until INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);
CREATE INDEX workspaces_owner ON workspaces (owner_id, id);
CREATE INDEX workspaces_node ON workspaces (node_id, state);

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
CREATE INDEX task_queue_order ON task_queue (owner_id, code, size, rank, queued_at, task_id);

CREATE TABLE agent_definitions (
  owner_id TEXT NOT NULL REFERENCES users (id),
  kind TEXT NOT NULL,
  definition TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (owner_id, kind)
);

CREATE TABLE agent_capabilities (
  owner_id TEXT NOT NULL REFERENCES users (id),
  kind TEXT NOT NULL,
  capabilities TEXT NOT NULL,
  reported_at INTEGER NOT NULL,
  PRIMARY KEY (owner_id, kind)
);

CREATE TABLE idempotency_keys (
  owner_id TEXT NOT NULL,
  key TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (owner_id, key)
);

CREATE TABLE finished_runs (
  run_id TEXT PRIMARY KEY NOT NULL,
  finished_at INTEGER NOT NULL
);
CREATE INDEX finished_runs_age ON finished_runs (finished_at);

CREATE TABLE sweep_runs (
  phase TEXT PRIMARY KEY NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  last_success_at INTEGER,
  ok INTEGER,
  found INTEGER NOT NULL DEFAULT 0,
  acted INTEGER NOT NULL DEFAULT 0,
  error TEXT
);
