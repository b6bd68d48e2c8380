-- +goose Up

-- revision is the newest revision; the table has one row, and its lock serialises
-- writers. recent are the signs of the transactions that took the last revisions, the
-- newest first: who lost the connection while it committed finds its own among them,
-- or knows that it did not commit.
CREATE TABLE daypass_state (
    id       INTEGER  NOT NULL PRIMARY KEY CHECK (id = 1),
    revision BIGINT   NOT NULL,
    recent   BIGINT[] NOT NULL
);
INSERT INTO daypass_state (id, revision, recent) VALUES (1, 0, '{}');

-- A record, or the tombstone of one (deleted, document empty). Names are compared
-- byte for byte.
CREATE TABLE daypass_records (
    kind     TEXT COLLATE "C" NOT NULL,
    account  TEXT COLLATE "C" NOT NULL,
    key      TEXT COLLATE "C" NOT NULL,
    document BYTEA            NOT NULL,
    revision BIGINT           NOT NULL,
    deleted  BOOLEAN          NOT NULL,
    PRIMARY KEY (kind, account, key)
);
CREATE INDEX daypass_records_by_revision ON daypass_records (revision);
