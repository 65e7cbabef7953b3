-- +goose Up

-- The trace in which a row was written; a text of 32 digits, or nothing. A row with one has it in its hash.
ALTER TABLE audit ADD COLUMN trace TEXT NOT NULL DEFAULT '';

-- The span that asked, as the header traceparent says it.
ALTER TABLE approvals ADD COLUMN trace TEXT NOT NULL DEFAULT '';
