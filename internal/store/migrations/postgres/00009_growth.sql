
-- The beginning of an id, whatever the order of letters in the database's language.
CREATE INDEX approvals_id ON approvals (id COLLATE "C");
