CREATE TABLE sign_in_links (
    token_digest text COLLATE "C" PRIMARY KEY,
    account_id text COLLATE "C" NOT NULL,
    created_at_micros bigint NOT NULL,
    expires_at_micros bigint NOT NULL
);
CREATE INDEX sign_in_links_account ON sign_in_links (account_id);
