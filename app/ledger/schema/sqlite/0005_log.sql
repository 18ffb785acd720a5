CREATE TABLE log_trees (
    origin TEXT PRIMARY KEY,
    size INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE log_tiles (
    origin TEXT NOT NULL,
    level INTEGER NOT NULL,
    tile INTEGER NOT NULL,
    hashes BLOB NOT NULL,
    PRIMARY KEY (origin, level, tile)
);
CREATE TABLE log_checkpoints (
    origin TEXT NOT NULL,
    size INTEGER NOT NULL,
    previous_size INTEGER NOT NULL,
    note TEXT NOT NULL,
    sealed_at_micros INTEGER NOT NULL,
    witnesses INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (origin, size)
);
