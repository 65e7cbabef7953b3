-- +goose Up

-- What Slack sent and was told is taken care of. A row that is done has no body: it is kept so that
-- the same thing is not done again.
CREATE TABLE inbox (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    owner TEXT NOT NULL,
    leased_until INTEGER NOT NULL,
    done INTEGER NOT NULL,
    body TEXT NOT NULL -- base64
);

-- What nobody has, the oldest of it first.
CREATE INDEX inbox_left ON inbox (leased_until, received_at, id) WHERE done = 0;

-- What may be forgotten.
CREATE INDEX inbox_old ON inbox (until) WHERE done = 1;

-- Which message shows which approval.
CREATE TABLE posts (
    key TEXT PRIMARY KEY NOT NULL,
    approval TEXT NOT NULL,
    kind TEXT NOT NULL,
    for_user TEXT NOT NULL,
    channel TEXT NOT NULL,
    ts TEXT NOT NULL,
    thread TEXT NOT NULL,
    url TEXT NOT NULL, -- base64
    url_until INTEGER NOT NULL,
    url_uses INTEGER NOT NULL,
    shown TEXT NOT NULL,
    fails INTEGER NOT NULL,
    next INTEGER NOT NULL,
    version INTEGER NOT NULL,
    marked INTEGER NOT NULL, -- when it became due while somebody had it, 0 if it did not
    owner TEXT NOT NULL,
    leased_until INTEGER NOT NULL
);

CREATE INDEX posts_due ON posts (next, key) WHERE next > 0;

CREATE INDEX posts_approval ON posts (approval);
