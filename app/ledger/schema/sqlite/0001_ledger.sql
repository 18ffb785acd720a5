CREATE TABLE stored_events (
    notification_id INTEGER PRIMARY KEY,
    originator_id TEXT NOT NULL,
    originator_version INTEGER NOT NULL,
    topic TEXT NOT NULL,
    state BLOB NOT NULL,
    command_id TEXT NOT NULL,
    recorded_at_micros INTEGER NOT NULL,
    UNIQUE (originator_id, originator_version)
);
CREATE INDEX stored_events_keys ON stored_events (notification_id)
    WHERE topic >= 'account.key_' AND topic < 'account.key`';
CREATE TRIGGER stored_events_no_update BEFORE UPDATE ON stored_events
    BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE TRIGGER stored_events_no_delete BEFORE DELETE ON stored_events
    BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;
-- INSERT OR REPLACE deletes without firing the trigger above.
CREATE TRIGGER stored_events_no_replace BEFORE INSERT ON stored_events
    WHEN NEW.notification_id IS NOT (SELECT coalesce(max(notification_id), 0) + 1 FROM stored_events)
        OR EXISTS (
            SELECT 1 FROM stored_events
            WHERE originator_id = NEW.originator_id AND originator_version = NEW.originator_version
        )
    BEGIN SELECT RAISE(ABORT, 'events are appended, each at the next position'); END;
CREATE TABLE log_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL,
    recorded_at_micros INTEGER NOT NULL
);
INSERT INTO log_head VALUES (1, 0, 0);
CREATE TABLE buckets (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE open_requests (
    request_id TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    instance_id TEXT NOT NULL,
    deadline_at_micros INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE instances (
    instance_id TEXT PRIMARY KEY,
    expires_at_micros INTEGER NOT NULL
) WITHOUT ROWID;
