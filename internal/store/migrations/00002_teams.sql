-- +goose Up
ALTER TABLE approvals ADD COLUMN person TEXT NOT NULL DEFAULT '';
ALTER TABLE approvals ADD COLUMN own INTEGER NOT NULL DEFAULT 0;
ALTER TABLE approvals ADD COLUMN others INTEGER NOT NULL DEFAULT 0;
ALTER TABLE approvals ADD COLUMN approvers TEXT NOT NULL DEFAULT '';
ALTER TABLE approvals ADD COLUMN request_id TEXT NOT NULL DEFAULT '';

-- What was claimed lately, for the limits.
CREATE INDEX approvals_claimed ON approvals (api, account, claimed_at) WHERE claimed_at > 0;

-- A no to the same request a short time ago.
CREATE INDEX approvals_denied ON approvals (api, account, person, operation, args_hash, changed_at) WHERE state = 'denied';

-- What the same asker asked for before.
CREATE INDEX approvals_asked ON approvals (actor, operation, changed_at);

-- Before there were policies the requester was the person, and the one who had to agree.
UPDATE approvals SET person = actor, own = CASE WHEN state = 'pending' THEN 1 ELSE 0 END;

-- The Slack user groups somebody answered as a member of, with spaces between.
ALTER TABLE consents ADD COLUMN slack_groups TEXT NOT NULL DEFAULT '';
ALTER TABLE consents ADD COLUMN stands_in INTEGER NOT NULL DEFAULT 0;

-- What a caller's own name for a request stands for. Not a column of approvals alone: a request that
-- joined another's record has a name too.
CREATE TABLE requests (
    api TEXT NOT NULL,
    account TEXT NOT NULL,
    actor TEXT NOT NULL,
    request_id TEXT NOT NULL,
    approval TEXT NOT NULL REFERENCES approvals (id),
    at INTEGER NOT NULL,
    PRIMARY KEY (api, account, actor, request_id)
);

-- At most one row: the freeze in force.
CREATE TABLE freezes (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    frozen_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL
);

CREATE TABLE beats (
    process TEXT PRIMARY KEY NOT NULL,
    at INTEGER NOT NULL
);

CREATE TABLE access_keys (
    name TEXT PRIMARY KEY NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER NOT NULL
);

CREATE TABLE deliveries (
    delivery TEXT PRIMARY KEY NOT NULL,
    until INTEGER NOT NULL
);

CREATE TABLE outbox (
    id TEXT PRIMARY KEY NOT NULL,
    seq INTEGER NOT NULL UNIQUE, -- the order of sending
    topic TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    owner TEXT NOT NULL,
    leased_until INTEGER NOT NULL,
    tries INTEGER NOT NULL
);
