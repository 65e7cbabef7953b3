BEGIN TRANSACTION;
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO goose_db_version VALUES(1,0,1,'2026-11-29 23:41:01');
INSERT INTO goose_db_version VALUES(2,1,1,'2026-11-29 23:41:01');
INSERT INTO goose_db_version VALUES(3,2,1,'2026-11-29 23:41:01');
INSERT INTO goose_db_version VALUES(4,3,1,'2026-11-29 23:41:01');
INSERT INTO goose_db_version VALUES(5,4,1,'2026-11-29 23:41:01');
INSERT INTO goose_db_version VALUES(6,5,1,'2026-11-29 23:41:01');
INSERT INTO goose_db_version VALUES(7,6,1,'2026-11-29 23:41:01');
INSERT INTO goose_db_version VALUES(8,7,1,'2026-11-29 23:41:01');
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
    told_at INTEGER NOT NULL, person TEXT NOT NULL DEFAULT '', own INTEGER NOT NULL DEFAULT 0, others INTEGER NOT NULL DEFAULT 0, approvers TEXT NOT NULL DEFAULT '', request_id TEXT NOT NULL DEFAULT '', interactive INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT approvals_edge CHECK (prior || '>' || state IN (
        '>pending', '>executing',
        'pending>approved', 'pending>executing', 'pending>denied', 'pending>expired', 'pending>cancelled', 'pending>stale',
        'approved>executing', 'approved>denied', 'approved>expired', 'approved>cancelled', 'approved>stale',
        'executing>done', 'executing>failed', 'executing>unknown', 'executing>stale', 'executing>refused',
        'unknown>done', 'unknown>not_applied', 'unknown>needs_human'
    ))
) STRICT;
INSERT INTO approvals VALUES('1',1,'servers.delete','destructive','{"server":"1"}','asked-1','args-1','local:alice-1','mcp','s1','https://api.example.com','a@example.com','laptop','server:1','web-1','web-1','{"a":1}','{"b":"%s '' \" \u0000"}','f','[1]','pending','','here',1772366400123,1772366700123,1772366400123,'',0,'',0,'','',0,'alice-1',1,0,'lead or second','',0);
INSERT INTO approvals VALUES('2',2,'servers.delete','destructive','{"server":"2"}','asked-2','args-2','local:alice-2','mcp','s1','https://api.example.com','a@example.com','laptop','server:2','web-2','web-2','{"a":1}','{"b":"%s '' \" \u0000"}','f','[1]','executing','','here',1772366400123,1772366700123,1772366400123,'laptop/4711/0b1c2d3e-0000-4000-8000-000000000000-4026531836.123456',1772366400123,'',0,'','',0,'alice-2',1,0,'lead or second','',0);
INSERT INTO approvals VALUES('3',3,'servers.delete','destructive','{"server":"3"}','asked-3','args-3','local:alice-3','mcp','s1','https://api.example.com','a@example.com','laptop','server:3','web-3','web-3','{"a":1}','{"b":"%s '' \" \u0000"}','f','[1]','done','executing','here',1772366400123,1772366700123,1772366402123,'process-1',1772366401123,'zoe',0,'','',0,'alice-3',1,0,'lead or second','',0);
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
INSERT INTO consents VALUES('3','zoe','local:zoe','terminal',1,'because',1772366400123,4,'',0);
CREATE TABLE forms (
    hash TEXT PRIMARY KEY NOT NULL,
    approval TEXT NOT NULL REFERENCES approvals (id),
    session TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
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
INSERT INTO audit VALUES(1,1772366400123,'local:alice','','mcp','','','servers.delete','','','','asked','','',0,'','0000000000000000000000000000000000000000000000000000000000000000','83b2ca6de9cf7ee8f6be9ce19dffa677d9a963497d1b86b006df325b84965db7');
INSERT INTO audit VALUES(2,1772366400123,'local:alice','','mcp','','','servers.delete','','','','asked','','',0,'','83b2ca6de9cf7ee8f6be9ce19dffa677d9a963497d1b86b006df325b84965db7','cc0d626e04c3f441a285b6836c91aabddaa8f7874c952f4ff0dd196ec54abe5f');
INSERT INTO audit VALUES(3,1772366400123,'local:alice','','mcp','','','servers.delete','','','','asked','','',0,'','cc0d626e04c3f441a285b6836c91aabddaa8f7874c952f4ff0dd196ec54abe5f','efc5177323ea89dbbedea84db7372bd988713c55c047169d218edb9c699da32f');
INSERT INTO audit VALUES(4,1772366400123,'local:alice','','mcp','','','servers.delete','','','','moved','','',0,'','efc5177323ea89dbbedea84db7372bd988713c55c047169d218edb9c699da32f','ffefdc03dd25544c47712682c3bb7c102fe712d9484f985940a5c424b012372c');
INSERT INTO audit VALUES(5,1772366400123,'local:alice','','mcp','','','servers.delete','','','','moved','','',0,'','ffefdc03dd25544c47712682c3bb7c102fe712d9484f985940a5c424b012372c','6ae7e89dd0258d3b6ac84f4487d1125c8a61063b445e9bff4a178edfe3e075c1');
INSERT INTO audit VALUES(6,1772366400123,'local:alice','','mcp','','','servers.delete','','','','frozen','','',0,'','6ae7e89dd0258d3b6ac84f4487d1125c8a61063b445e9bff4a178edfe3e075c1','413ca221773969a75fc7491bae7ec23de04b1603f5665b041409b9a01f0a899f');
CREATE TABLE requests (
    api TEXT NOT NULL,
    account TEXT NOT NULL,
    actor TEXT NOT NULL,
    request_id TEXT NOT NULL,
    approval TEXT NOT NULL REFERENCES approvals (id),
    at INTEGER NOT NULL,
    PRIMARY KEY (api, account, actor, request_id)
) STRICT;
CREATE TABLE freezes (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    frozen_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
INSERT INTO freezes VALUES(1,'lead','move',1772366400123);
CREATE TABLE beats (
    process TEXT PRIMARY KEY NOT NULL,
    at INTEGER NOT NULL
) STRICT;
INSERT INTO beats VALUES('slack',1772366400000);
CREATE TABLE access_keys (
    name TEXT PRIMARY KEY NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER NOT NULL
) STRICT;
CREATE TABLE deliveries (
    delivery TEXT PRIMARY KEY NOT NULL,
    until INTEGER NOT NULL
) STRICT;
CREATE TABLE audit_checkpoints (
    seq INTEGER PRIMARY KEY NOT NULL,
    at INTEGER NOT NULL,
    note TEXT NOT NULL
) STRICT;
CREATE TABLE audit_archives (
    last_seq INTEGER PRIMARY KEY NOT NULL,
    first_seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    file TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
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
INSERT INTO inbox VALUES('open','command',1772366400123,1772367000123,1,'laptop/4711/x.1',1772366460123,0,'AP8gYm9keSBvZiBvcGVu');
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
INSERT INTO posts VALUES('live:1','1','live','U1','C1','1700000000.000100','1600000000.000100','AP91',1772370000123,3,'hash',2,1772366400123,0,0,'laptop/4711/x.1',1772366460123);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('goose_db_version',8);
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
CREATE TRIGGER audit_checkpoints_no_update BEFORE UPDATE ON audit_checkpoints
BEGIN
    SELECT RAISE(ABORT, 'checkpoints are never changed');
END;
CREATE INDEX inbox_left ON inbox (leased_until, received_at, id) WHERE done = 0;
CREATE INDEX inbox_old ON inbox (until) WHERE done = 1;
CREATE INDEX posts_due ON posts (next, key) WHERE next > 0;
CREATE INDEX posts_approval ON posts (approval);
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit rows are never deleted');
END;
CREATE TRIGGER audit_checkpoints_no_delete BEFORE DELETE ON audit_checkpoints
BEGIN
    SELECT RAISE(ABORT, 'checkpoints are never deleted');
END;
COMMIT;
