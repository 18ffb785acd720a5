CREATE TABLE payment_inbox (
    event_id text COLLATE "C" PRIMARY KEY,
    type text COLLATE "C" NOT NULL,
    payload bytea NOT NULL,
    received_at_micros bigint NOT NULL,
    next_at_micros bigint NOT NULL,
    attempts bigint NOT NULL DEFAULT 0,
    processed_at_micros bigint,
    outcome text
);
CREATE INDEX payment_inbox_waiting ON payment_inbox (next_at_micros) WHERE processed_at_micros IS NULL;
CREATE INDEX payment_inbox_received ON payment_inbox (received_at_micros);
CREATE TABLE checkout_sessions (
    checkout_id text COLLATE "C" PRIMARY KEY,
    session_id text COLLATE "C" NOT NULL,
    created_at_micros bigint NOT NULL
);
CREATE TABLE automatic_top_ups (
    account_id text COLLATE "C" PRIMARY KEY,
    enabled bigint NOT NULL,
    pack_id text COLLATE "C" NOT NULL,
    threshold_nanos bigint NOT NULL,
    ceiling_nanos_per_month bigint NOT NULL,
    customer_id text COLLATE "C",
    payment_method_id text COLLATE "C",
    crossings bigint NOT NULL DEFAULT 0,
    state text COLLATE "C" NOT NULL DEFAULT 'armed',
    problem text
);
CREATE TABLE chores (
    name text COLLATE "C" PRIMARY KEY,
    next_at_micros bigint NOT NULL
);
CREATE TABLE simulated_payments (
    session_id text COLLATE "C" PRIMARY KEY,
    document bytea NOT NULL,
    created_at_micros bigint NOT NULL
);
