-- +goose Up

-- A mark of UseOnce, and until when it counts, in milliseconds since 1970. The
-- rows are small and are found by their mark alone, so they live in its index.
CREATE TABLE marks (
    mark  BLOB    NOT NULL PRIMARY KEY,
    until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX marks_by_until ON marks (until);
