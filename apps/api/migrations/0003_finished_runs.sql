CREATE TABLE finished_runs (
  run_id TEXT PRIMARY KEY NOT NULL,
  finished_at INTEGER NOT NULL
);
CREATE INDEX finished_runs_age ON finished_runs (finished_at);
