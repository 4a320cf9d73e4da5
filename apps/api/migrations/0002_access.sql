CREATE TABLE sign_in_sessions (
  id TEXT PRIMARY KEY NOT NULL,
  user_id TEXT NOT NULL REFERENCES users (id),
  hash TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER,
  expires_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX sign_in_sessions_hash ON sign_in_sessions (hash);
CREATE INDEX sign_in_sessions_user ON sign_in_sessions (user_id, id);
CREATE INDEX sign_in_sessions_expiry ON sign_in_sessions (expires_at);
INSERT INTO sign_in_sessions (id, user_id, hash, user_agent, created_at, last_used_at, expires_at)
SELECT 'sgn_' || lower(hex(randomblob(13))), user_id, hash, '', created_at, NULL, expires_at FROM cookie_sessions;
DROP TABLE cookie_sessions;

CREATE TABLE viewer_access (
  access_id TEXT NOT NULL,
  project_id TEXT NOT NULL REFERENCES projects (id),
  PRIMARY KEY (access_id, project_id)
);

-- Tokens of `samovar up` end with it; every other token gets an expiry.
ALTER TABLE api_tokens ADD COLUMN kind TEXT NOT NULL DEFAULT 'personal';
UPDATE api_tokens SET kind = 'local' WHERE name = 'CLI' AND expires_at IS NULL;
UPDATE api_tokens SET expires_at = unixepoch() * 1000 + 7776000000 WHERE kind = 'personal' AND expires_at IS NULL;

CREATE TABLE audit_log (
  seq INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
  id TEXT NOT NULL,
  owner_id TEXT NOT NULL REFERENCES users (id),
  at INTEGER NOT NULL,
  actor_kind TEXT NOT NULL,
  actor_id TEXT,
  action TEXT NOT NULL,
  object_id TEXT NOT NULL,
  detail TEXT NOT NULL
);
CREATE UNIQUE INDEX audit_log_id ON audit_log (id);
CREATE INDEX audit_log_owner ON audit_log (owner_id, seq);
CREATE INDEX audit_log_age ON audit_log (at);
CREATE TRIGGER audit_log_append_only BEFORE UPDATE ON audit_log
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
