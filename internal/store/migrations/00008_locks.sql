-- +goose Up

-- Whether a process exists is seen by its lock. The table of heartbeats stays as it is, without a use.
CREATE INDEX posts_owner ON posts (owner) WHERE owner <> '';

-- Who has something decides too whether it may be claimed.
DROP INDEX inbox_left;
CREATE INDEX inbox_left ON inbox (leased_until, received_at, id, owner) WHERE done = 0;
