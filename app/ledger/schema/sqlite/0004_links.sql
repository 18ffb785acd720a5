CREATE TABLE sign_in_links (
    token_digest TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    created_at_micros INTEGER NOT NULL,
    expires_at_micros INTEGER NOT NULL
);
CREATE INDEX sign_in_links_account ON sign_in_links (account_id);
