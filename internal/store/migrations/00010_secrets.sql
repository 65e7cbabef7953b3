-- +goose Up

-- Keys that all processes of an installation share. They open nothing alone.
CREATE TABLE secrets (
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL -- base64
);
