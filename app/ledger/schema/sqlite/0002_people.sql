CREATE TABLE people (
    account_id TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    password_hash TEXT,
    label TEXT NOT NULL,
    asked INTEGER NOT NULL DEFAULT 1,
    created_at_micros INTEGER NOT NULL
);
CREATE TABLE sessions (
    token_digest TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    created_at_micros INTEGER NOT NULL,
    expires_at_micros INTEGER NOT NULL
);
CREATE INDEX sessions_account ON sessions (account_id);
CREATE TABLE throttles (
    name TEXT PRIMARY KEY,
    ends_at_micros INTEGER NOT NULL,
    attempts INTEGER NOT NULL
);
