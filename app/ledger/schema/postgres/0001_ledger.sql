CREATE TABLE stored_events (
    notification_id bigint PRIMARY KEY,
    originator_id text COLLATE "C" NOT NULL,
    originator_version bigint NOT NULL,
    topic text COLLATE "C" NOT NULL,
    state bytea NOT NULL,
    command_id text COLLATE "C" NOT NULL,
    recorded_at_micros bigint NOT NULL,
    UNIQUE (originator_id, originator_version)
);
CREATE INDEX stored_events_keys ON stored_events (notification_id)
    WHERE topic >= 'account.key_' AND topic < 'account.key`';
CREATE FUNCTION stored_events_are_final() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'events are never changed or deleted'; END$$;
CREATE TRIGGER stored_events_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON stored_events
    FOR EACH STATEMENT EXECUTE FUNCTION stored_events_are_final();
CREATE TABLE log_head (
    one integer PRIMARY KEY CHECK (one = 1),
    position bigint NOT NULL,
    recorded_at_micros bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO log_head VALUES (1, 0, 0);
CREATE TABLE buckets (
    name text COLLATE "C" PRIMARY KEY,
    value bigint NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE open_requests (
    request_id text COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL,
    instance_id text COLLATE "C" NOT NULL,
    deadline_at_micros bigint NOT NULL
);
CREATE TABLE instances (
    instance_id text COLLATE "C" PRIMARY KEY,
    expires_at_micros bigint NOT NULL
);
