-- Spending on models: limits, prices, and what was metered. Money is in micro-dollars.
ALTER TABLE tasks ADD COLUMN budget TEXT;

-- The limits of an installation's owner (scope: the user) and of projects.
CREATE TABLE budgets (
  scope_id TEXT PRIMARY KEY NOT NULL,
  owner_id TEXT NOT NULL REFERENCES users (id),
  limits TEXT NOT NULL,
  updated_at INTEGER NOT NULL
);

CREATE TABLE model_prices (
  owner_id TEXT PRIMARY KEY NOT NULL REFERENCES users (id),
  prices TEXT NOT NULL,
  as_of TEXT NOT NULL,
  changed_at INTEGER NOT NULL
);

-- A row for each run of a task: its workspace is its own, while runs may share a session.
CREATE TABLE run_spending (
  workspace_id TEXT PRIMARY KEY NOT NULL,
  task_id TEXT NOT NULL,
  metered TEXT NOT NULL,
  cost_micros INTEGER NOT NULL DEFAULT 0,
  cost_millionths INTEGER NOT NULL DEFAULT 0,
  tokens INTEGER NOT NULL DEFAULT 0,
  unpriced_tokens INTEGER NOT NULL DEFAULT 0,
  unmetered_calls INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL DEFAULT 0,
  updated_at INTEGER NOT NULL
);
CREATE INDEX run_spending_task ON run_spending (task_id);

CREATE TABLE daily_spending (
  owner_id TEXT NOT NULL REFERENCES users (id),
  day TEXT NOT NULL,
  project_id TEXT NOT NULL REFERENCES projects (id),
  cost_micros INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  unpriced_tokens INTEGER NOT NULL,
  unmetered_calls INTEGER NOT NULL,
  PRIMARY KEY (owner_id, day, project_id)
);
