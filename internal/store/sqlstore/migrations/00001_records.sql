-- +goose Up

-- revision is the newest revision; the table has one row.
CREATE TABLE state (
    id       INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    revision INTEGER NOT NULL
);
INSERT INTO state (id, revision) VALUES (1, 0);

-- A record, or the tombstone of one (deleted = 1, document empty).
CREATE TABLE records (
    kind     TEXT    NOT NULL,
    account  TEXT    NOT NULL,
    key      TEXT    NOT NULL,
    document BLOB    NOT NULL,
    revision INTEGER NOT NULL,
    deleted  INTEGER NOT NULL CHECK (deleted IN (0, 1)),
    PRIMARY KEY (kind, account, key)
);
CREATE INDEX records_by_revision ON records (revision);
