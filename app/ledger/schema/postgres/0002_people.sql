CREATE TABLE people (
    account_id text COLLATE "C" PRIMARY KEY,
    email text COLLATE "C" NOT NULL UNIQUE,
    password_hash text,
    label text NOT NULL,
    asked bigint NOT NULL DEFAULT 1,
    created_at_micros bigint NOT NULL
);
CREATE TABLE sessions (
    token_digest text COLLATE "C" PRIMARY KEY,
    account_id text COLLATE "C" NOT NULL,
    created_at_micros bigint NOT NULL,
    expires_at_micros bigint NOT NULL
);
CREATE INDEX sessions_account ON sessions (account_id);
CREATE TABLE throttles (
    name text COLLATE "C" PRIMARY KEY,
    ends_at_micros bigint NOT NULL,
    attempts bigint NOT NULL
);
