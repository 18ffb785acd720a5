CREATE TABLE payment_inbox (
    event_id TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    payload BLOB NOT NULL,
    received_at_micros INTEGER NOT NULL,
    next_at_micros INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    processed_at_micros INTEGER,
    outcome TEXT
);
CREATE INDEX payment_inbox_waiting ON payment_inbox (next_at_micros) WHERE processed_at_micros IS NULL;
CREATE INDEX payment_inbox_received ON payment_inbox (received_at_micros);
CREATE TABLE checkout_sessions (
    checkout_id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL,
    created_at_micros INTEGER NOT NULL
);
CREATE TABLE automatic_top_ups (
    account_id TEXT PRIMARY KEY,
    enabled INTEGER NOT NULL,
    pack_id TEXT NOT NULL,
    threshold_nanos INTEGER NOT NULL,
    ceiling_nanos_per_month INTEGER NOT NULL,
    customer_id TEXT,
    payment_method_id TEXT,
    crossings INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'armed',
    problem TEXT
);
CREATE TABLE chores (
    name TEXT PRIMARY KEY,
    next_at_micros INTEGER NOT NULL
);
CREATE TABLE simulated_payments (
    session_id TEXT PRIMARY KEY,
    document BLOB NOT NULL,
    created_at_micros INTEGER NOT NULL
);
