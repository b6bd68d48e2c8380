-- +goose Up

-- A mark of UseOnce, and until when it counts, in milliseconds since 1970.
CREATE TABLE daypass_marks (
    mark  BYTEA  NOT NULL PRIMARY KEY,
    until BIGINT NOT NULL
);
CREATE INDEX daypass_marks_by_until ON daypass_marks (until);
