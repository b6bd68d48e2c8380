-- +goose Up

-- What nodes write to one another. It may be lost, so it is not logged: it costs
-- neither the log nor standbys, and is empty after a crash or a failover.
CREATE UNLOGGED TABLE daypass_letters (
    id     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    box    TEXT COLLATE "C" NOT NULL,
    letter BYTEA            NOT NULL,
    sent   TIMESTAMPTZ      NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX daypass_letters_by_box ON daypass_letters (box, id);
CREATE INDEX daypass_letters_by_time ON daypass_letters (sent);
