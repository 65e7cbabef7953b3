-- Only TEXT and INTEGER columns: both engines have them. INTEGER holds 64 bits: the opener of an
-- engine where it does not writes BIGINT. Times are milliseconds since 1970, 0 where there is none;
-- JSON is text, empty where there is none.

-- +goose Up
CREATE TABLE approvals (
    id TEXT PRIMARY KEY NOT NULL,
    seq INTEGER NOT NULL, -- of the audit row it was stored with: tells the order within a millisecond
    operation TEXT NOT NULL,
    risk TEXT NOT NULL,
    input TEXT NOT NULL,
    asked_hash TEXT NOT NULL,
    args_hash TEXT NOT NULL,
    actor TEXT NOT NULL,
    surface TEXT NOT NULL,
    session TEXT NOT NULL,
    api TEXT NOT NULL,
    account TEXT NOT NULL,
    token_name TEXT NOT NULL,
    target TEXT NOT NULL,
    target_name TEXT NOT NULL,
    confirm TEXT NOT NULL,
    card TEXT NOT NULL,
    facts TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    known TEXT NOT NULL,
    state TEXT NOT NULL,
    prior TEXT NOT NULL,
    place TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    owner TEXT NOT NULL,
    claimed_at INTEGER NOT NULL,
    approver TEXT NOT NULL,
    api_status INTEGER NOT NULL,
    message TEXT NOT NULL,
    result TEXT NOT NULL,
    told_at INTEGER NOT NULL,
    CONSTRAINT approvals_edge CHECK (prior || '>' || state IN (
        '>pending', '>executing',
        'pending>approved', 'pending>executing', 'pending>denied', 'pending>expired', 'pending>cancelled', 'pending>stale',
        'approved>executing', 'approved>denied', 'approved>expired', 'approved>cancelled', 'approved>stale',
        'executing>done', 'executing>failed', 'executing>unknown', 'executing>stale', 'executing>refused',
        'unknown>done', 'unknown>not_applied', 'unknown>needs_human'
    ))
);

-- One change at a time per target.
CREATE UNIQUE INDEX approvals_holder ON approvals (api, account, target) WHERE state IN ('executing', 'unknown');

-- Asking again for the same thing joins the open record.
CREATE UNIQUE INDEX approvals_open ON approvals (api, account, actor, operation, args_hash)
    WHERE state IN ('pending', 'approved', 'executing', 'unknown');

CREATE INDEX approvals_newest ON approvals (created_at, seq);

CREATE TABLE consents (
    approval TEXT NOT NULL REFERENCES approvals (id),
    person TEXT NOT NULL,
    identity TEXT NOT NULL,
    channel TEXT NOT NULL,
    yes INTEGER NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (approval, person)
);

CREATE TABLE forms (
    hash TEXT PRIMARY KEY NOT NULL,
    approval TEXT NOT NULL REFERENCES approvals (id),
    session TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);

CREATE TABLE audit (
    seq INTEGER PRIMARY KEY NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    on_behalf TEXT NOT NULL,
    surface TEXT NOT NULL,
    account TEXT NOT NULL,
    token TEXT NOT NULL,
    operation TEXT NOT NULL,
    target TEXT NOT NULL,
    arguments TEXT NOT NULL,
    approval TEXT NOT NULL,
    decision TEXT NOT NULL,
    reason TEXT NOT NULL,
    approver TEXT NOT NULL,
    api_status INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
);
