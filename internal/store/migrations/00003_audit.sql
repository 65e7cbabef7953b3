-- +goose Up

-- Signed notes: each says which hash the row seq had. The newest says where the log cannot end before.
CREATE TABLE audit_checkpoints (
    seq INTEGER PRIMARY KEY NOT NULL,
    at INTEGER NOT NULL,
    note TEXT NOT NULL
);

-- What was archived. The log now follows the hash of the newest row here.
CREATE TABLE audit_archives (
    last_seq INTEGER PRIMARY KEY NOT NULL,
    first_seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    file TEXT NOT NULL,
    at INTEGER NOT NULL
);
