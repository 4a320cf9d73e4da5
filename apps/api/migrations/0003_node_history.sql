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
