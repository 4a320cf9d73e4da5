-- A command line that asks to act as a person, until that person has answered.
CREATE TABLE device_logins (
  user_code TEXT PRIMARY KEY NOT NULL,
  device_hash TEXT NOT NULL,
  name TEXT NOT NULL,
  address TEXT NOT NULL,
  owner_id TEXT REFERENCES users (id),
  status TEXT NOT NULL,
  token_id TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX device_logins_hash ON device_logins (device_hash);
CREATE INDEX device_logins_expiry ON device_logins (expires_at);
