BEGIN TRANSACTION;
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
) STRICT;
INSERT INTO "approvals" VALUES('1',1,'servers.delete','destructive','{"server":"1"}','asked-1','args-1','local:alice','mcp','s1','https://api.example.com','a@example.com','laptop','server:1','web-1','web-1','{"a":1}','{"b":"%s '' \" \u0000"}','f','[1]','pending','','here',1772366400123,1772366700123,1772366400123,'',0,'',0,'','',0);
INSERT INTO "approvals" VALUES('2',2,'servers.delete','destructive','{"server":"2"}','asked-2','args-2','local:alice','mcp','s1','https://api.example.com','a@example.com','laptop','server:2','web-2','web-2','{"a":1}','{"b":"%s '' \" \u0000"}','f','[1]','executing','approved','here',1772366400123,1772366700123,1772366401123,'process-1',1772366401123,'local:alice',0,'','',0);
INSERT INTO "approvals" VALUES('3',5,'servers.delete','destructive','{"server":"3"}','asked-3','args-3','local:alice','mcp','s1','https://api.example.com','a@example.com','laptop','server:3','web-3','web-3','{"a":1}','{"b":"%s '' \" \u0000"}','f','[1]','done','executing','here',1772366400123,1772366700123,1772366402123,'process-1',1772366400123,'',0,'','',0);
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
INSERT INTO "audit" VALUES(1,1772366400123,'local:alice','','mcp','','','servers.delete','','','','asked','','',0,'','0000000000000000000000000000000000000000000000000000000000000000','83b2ca6de9cf7ee8f6be9ce19dffa677d9a963497d1b86b006df325b84965db7');
INSERT INTO "audit" VALUES(2,1772366400123,'local:alice','','mcp','','','servers.delete','','','','asked','','',0,'','83b2ca6de9cf7ee8f6be9ce19dffa677d9a963497d1b86b006df325b84965db7','cc0d626e04c3f441a285b6836c91aabddaa8f7874c952f4ff0dd196ec54abe5f');
INSERT INTO "audit" VALUES(3,1772366400123,'local:alice','','mcp','','','servers.delete','','','','moved','','',0,'','cc0d626e04c3f441a285b6836c91aabddaa8f7874c952f4ff0dd196ec54abe5f','37c23c8067ab1e45715fdd1046839b5f39768a3ba3819a229eb497c6b50e76aa');
INSERT INTO "audit" VALUES(4,1772366400123,'local:alice','','mcp','','','servers.delete','','','','moved','','',0,'','37c23c8067ab1e45715fdd1046839b5f39768a3ba3819a229eb497c6b50e76aa','28ebea3cc31ced04e740631ad9cafaf1d2fe1105f60a0bb458595d014cb71dfe');
INSERT INTO "audit" VALUES(5,1772366400123,'local:alice','','mcp','','','servers.delete','','','','asked','','',0,'','28ebea3cc31ced04e740631ad9cafaf1d2fe1105f60a0bb458595d014cb71dfe','60e84fced3ca8f71497293a62d944c9624c2ff7a6ad70c15ba474647a0152ba6');
INSERT INTO "audit" VALUES(6,1772366400123,'local:alice','','mcp','','','servers.delete','','','','moved','','',0,'','60e84fced3ca8f71497293a62d944c9624c2ff7a6ad70c15ba474647a0152ba6','eed626b5fd1c25e12e69bd64c69a3fa6f4337dd656f49ad4b5109d83cc21532f');
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
) STRICT;
INSERT INTO "consents" VALUES('2','local:alice','local:local:alice','terminal',1,'because',1772366400123,3);
CREATE TABLE forms (
    hash TEXT PRIMARY KEY NOT NULL,
    approval TEXT NOT NULL REFERENCES approvals (id),
    session TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
INSERT INTO "forms" VALUES('h','1','s1',1772366400123,1772366460123);
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO "goose_db_version" VALUES(1,0,1,'2026-11-21 00:27:30');
INSERT INTO "goose_db_version" VALUES(2,1,1,'2026-11-21 00:27:30');
CREATE UNIQUE INDEX approvals_holder ON approvals (api, account, target) WHERE state IN ('executing', 'unknown');
CREATE UNIQUE INDEX approvals_open ON approvals (api, account, actor, operation, args_hash)
    WHERE state IN ('pending', 'approved', 'executing', 'unknown');
CREATE INDEX approvals_newest ON approvals (created_at, seq);
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit rows are never changed');
END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit rows are never deleted');
END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('goose_db_version',2);
COMMIT;
