CREATE TABLE log_trees (
    origin text COLLATE "C" PRIMARY KEY,
    size bigint NOT NULL
) WITH (fillfactor = 10);
CREATE TABLE log_tiles (
    origin text COLLATE "C" NOT NULL,
    level bigint NOT NULL,
    tile bigint NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (origin, level, tile)
);
CREATE TABLE log_checkpoints (
    origin text COLLATE "C" NOT NULL,
    size bigint NOT NULL,
    previous_size bigint NOT NULL,
    note text NOT NULL,
    sealed_at_micros bigint NOT NULL,
    witnesses bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (origin, size)
);
