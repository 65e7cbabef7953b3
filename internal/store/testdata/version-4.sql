BEGIN TRANSACTION;
CREATE TABLE access_keys (
    name TEXT PRIMARY KEY NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER NOT NULL
) STRICT;
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
    told_at INTEGER NOT NULL, person TEXT NOT NULL DEFAULT '', own INTEGER NOT NULL DEFAULT 0, others INTEGER NOT NULL DEFAULT 0, approvers TEXT NOT NULL DEFAULT '', request_id TEXT NOT NULL DEFAULT '',
    CONSTRAINT approvals_edge CHECK (prior || '>' || state IN (
        '>pending', '>executing',
        'pending>approved', 'pending>executing', 'pending>denied', 'pending>expired', 'pending>cancelled', 'pending>stale',
        'approved>executing', 'approved>denied', 'approved>expired', 'approved>cancelled', 'approved>stale',
        'executing>done', 'executing>failed', 'executing>unknown', 'executing>stale', 'executing>refused',
        'unknown>done', 'unknown>not_applied', 'unknown>needs_human'
    ))
) STRICT;
INSERT INTO "approvals" VALUES('1',3,'servers.delete','destructive','{"server":"1"}','asked-1','args-1','local:alice-1','mcp','s1','https://api.example.com','a@example.com','laptop','server:1','web-1','web-1','{"a":1}','{"b":"%s '' \" \u0000"}','f','[1]','pending','','here',1772366400123,1772366700123,1772366400123,'',0,'',0,'','',0,'alice-1',1,0,'lead or second','');
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
) STRICT;
INSERT INTO "audit" VALUES(5,1772367061123,'local:alice','','mcp','','','servers.delete','','','','noted','','',0,'','fc5962d0e27ba8347534b8cd61df851be01d3ff2faac70110c729736afbdda71','30d1c818d61a538023ae0e945c21e2b48eb10b762e59339fcdf9a5af2c875d76');
INSERT INTO "audit" VALUES(6,1772367062123,'local:alice','','mcp','','','servers.delete','','','','noted','','',0,'','30d1c818d61a538023ae0e945c21e2b48eb10b762e59339fcdf9a5af2c875d76','19c11d520f802f3491d3ec772ff4ea393f474ad3b6ea315cc79d53ff06c2d06d');
INSERT INTO "audit" VALUES(7,1772367720123,'local:alice','','mcp','','','servers.delete','','','','noted','','',0,'','19c11d520f802f3491d3ec772ff4ea393f474ad3b6ea315cc79d53ff06c2d06d','18c354c284a1ced2ad068b045fa93c1889826abc4ce4378ce0a92967cca91aad');
INSERT INTO "audit" VALUES(8,1772367721123,'local:alice','','mcp','','','servers.delete','','','','noted','','',0,'','18c354c284a1ced2ad068b045fa93c1889826abc4ce4378ce0a92967cca91aad','cc21da25b10165e01e74a824d031b82eee6b7a805f061cd9da15ebfa91c95192');
INSERT INTO "audit" VALUES(9,1772367720123,'local:alice','','terminal','','','audit.archive','audit:1-4','{"from":1,"to":4,"head":"fc5962d0e27ba8347534b8cd61df851be01d3ff2faac70110c729736afbdda71","file":"audit-000000000001-000000000004.jsonl"}','','allowed','','',0,'done','cc21da25b10165e01e74a824d031b82eee6b7a805f061cd9da15ebfa91c95192','54e9a8f297fa128e4f5496396f056d5e2680b11c25f2713056ff18a44f5f6072');
INSERT INTO "audit" VALUES(10,1772368380123,'local:alice','','mcp','','','servers.delete','','','','noted','','',0,'','54e9a8f297fa128e4f5496396f056d5e2680b11c25f2713056ff18a44f5f6072','df348bf0000ed12ce51736121c8ef0b00a645ee082f66c967ee2dc9aa26e93bf');
INSERT INTO "audit" VALUES(11,1772368381123,'local:alice','','mcp','','','servers.delete','','','','noted','','',0,'','df348bf0000ed12ce51736121c8ef0b00a645ee082f66c967ee2dc9aa26e93bf','00769f691cdf9ddcd16ffa2ec56ffe480ceb931cd651bdc81b63f40697366b87');
INSERT INTO "audit" VALUES(12,1772368382123,'local:alice','','mcp','','','servers.delete','','','','noted','','',0,'','00769f691cdf9ddcd16ffa2ec56ffe480ceb931cd651bdc81b63f40697366b87','4761ac6a2a389f149e74078e02951b024a90f7a54ec718a9d7d07630d9689c11');
CREATE TABLE audit_archives (
    last_seq INTEGER PRIMARY KEY NOT NULL,
    first_seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    file TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
INSERT INTO "audit_archives" VALUES(4,1,'fc5962d0e27ba8347534b8cd61df851be01d3ff2faac70110c729736afbdda71','audit-000000000001-000000000004.jsonl',1772367720123);
CREATE TABLE audit_checkpoints (
    seq INTEGER PRIMARY KEY NOT NULL,
    at INTEGER NOT NULL,
    note TEXT NOT NULL
) STRICT;
INSERT INTO "audit_checkpoints" VALUES(4,1772367060123,'vpsbot/audit
4
fc5962d0e27ba8347534b8cd61df851be01d3ff2faac70110c729736afbdda71
2026-03-01T12:11:00.123Z

— vpsbot/audit jtysuaAHWCb7VuwISkkDqYZs7fZmgzbxxxPxJ1fPXDHcX3ve9pu6BPoVrTmfjtXPh2t6WY9mVKOSq9qvvAeXnn+mgQ8=
');
INSERT INTO "audit_checkpoints" VALUES(7,1772367720123,'vpsbot/audit
7
18c354c284a1ced2ad068b045fa93c1889826abc4ce4378ce0a92967cca91aad
2026-03-01T12:22:00.123Z

— vpsbot/audit jtysuVPCvhcnBcGHvpLzFsfde20r6R/7O1aF9enJkpj57C3l6/9jUeHFvopBY24Ie5+S4aOC+s3W+T9OPx8TTOIkSgw=
');
INSERT INTO "audit_checkpoints" VALUES(10,1772368380123,'vpsbot/audit
10
df348bf0000ed12ce51736121c8ef0b00a645ee082f66c967ee2dc9aa26e93bf
2026-03-01T12:33:00.123Z

— vpsbot/audit jtysuVDJ4UQe9IJsDEvQWDYRg5mzY479wp6SZL7ptedHTjhdsWyxvFUFsbsAuoqdEVlf410w7SQ+iJ2YQ1eAo7ElYg0=
');
CREATE TABLE beats (
    process TEXT PRIMARY KEY NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE TABLE consents (
    approval TEXT NOT NULL REFERENCES approvals (id),
    person TEXT NOT NULL,
    identity TEXT NOT NULL,
    channel TEXT NOT NULL,
    yes INTEGER NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    seq INTEGER NOT NULL, slack_groups TEXT NOT NULL DEFAULT '', stands_in INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (approval, person)
) STRICT;
CREATE TABLE deliveries (
    delivery TEXT PRIMARY KEY NOT NULL,
    until INTEGER NOT NULL
) STRICT;
CREATE TABLE forms (
    hash TEXT PRIMARY KEY NOT NULL,
    approval TEXT NOT NULL REFERENCES approvals (id),
    session TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE TABLE freezes (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    frozen_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO "goose_db_version" VALUES(1,0,1,'2026-11-29 17:00:43');
INSERT INTO "goose_db_version" VALUES(2,1,1,'2026-11-29 17:00:43');
INSERT INTO "goose_db_version" VALUES(3,2,1,'2026-11-29 17:00:43');
INSERT INTO "goose_db_version" VALUES(4,3,1,'2026-11-29 17:00:43');
INSERT INTO "goose_db_version" VALUES(5,4,1,'2026-11-29 17:00:43');
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
) STRICT;
CREATE TABLE outbox (
    id TEXT PRIMARY KEY NOT NULL,
    seq INTEGER NOT NULL UNIQUE, -- the order of sending
    topic TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    owner TEXT NOT NULL,
    leased_until INTEGER NOT NULL,
    tries INTEGER NOT NULL
) STRICT;
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
) STRICT;
CREATE TABLE requests (
    api TEXT NOT NULL,
    account TEXT NOT NULL,
    actor TEXT NOT NULL,
    request_id TEXT NOT NULL,
    approval TEXT NOT NULL REFERENCES approvals (id),
    at INTEGER NOT NULL,
    PRIMARY KEY (api, account, actor, request_id)
) STRICT;
CREATE UNIQUE INDEX approvals_holder ON approvals (api, account, target) WHERE state IN ('executing', 'unknown');
CREATE UNIQUE INDEX approvals_open ON approvals (api, account, actor, operation, args_hash)
    WHERE state IN ('pending', 'approved', 'executing', 'unknown');
CREATE INDEX approvals_newest ON approvals (created_at, seq);
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit rows are never changed');
END;
CREATE INDEX approvals_claimed ON approvals (api, account, claimed_at) WHERE claimed_at > 0;
CREATE INDEX approvals_denied ON approvals (api, account, person, operation, args_hash, changed_at) WHERE state = 'denied';
CREATE INDEX approvals_asked ON approvals (actor, operation, changed_at);
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
WHEN OLD.seq > (SELECT coalesce(max(last_seq), 0) FROM audit_archives)
BEGIN
    SELECT RAISE(ABORT, 'audit rows are never deleted');
END;
CREATE TRIGGER audit_checkpoints_no_update BEFORE UPDATE ON audit_checkpoints
BEGIN
    SELECT RAISE(ABORT, 'checkpoints are never changed');
END;
CREATE TRIGGER audit_checkpoints_no_delete BEFORE DELETE ON audit_checkpoints
WHEN OLD.seq >= (SELECT coalesce(max(last_seq), 0) FROM audit_archives)
BEGIN
    SELECT RAISE(ABORT, 'checkpoints are never deleted');
END;
CREATE INDEX inbox_left ON inbox (leased_until, received_at, id) WHERE done = 0;
CREATE INDEX inbox_old ON inbox (until) WHERE done = 1;
CREATE INDEX posts_due ON posts (next, key) WHERE next > 0;
CREATE INDEX posts_approval ON posts (approval);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('goose_db_version',5);
COMMIT;
