-- +goose Up

-- No query may read more as more has ended: each finds its rows by one of these.

-- What was moved since a time, and what ended long ago.
CREATE INDEX approvals_changed ON approvals (changed_at);

-- What nobody answered in time.
CREATE INDEX approvals_due ON approvals (api, account, expires_at) WHERE state IN ('pending', 'approved');

-- The open ones, in the order of lists.
CREATE INDEX approvals_open_newest ON approvals (created_at, seq) WHERE state IN ('pending', 'approved', 'executing', 'unknown');

-- The questions of a person that count against the limit of open ones.
CREATE INDEX approvals_questions ON approvals (api, account, person, expires_at)
    WHERE state IN ('pending', 'approved') AND interactive = 0;

-- Outcomes that their asker did not get, by both hashes of a request.
CREATE INDEX approvals_untold_asked ON approvals (actor, asked_hash, changed_at) WHERE told_at = 0;
CREATE INDEX approvals_untold_args ON approvals (actor, args_hash, changed_at) WHERE told_at = 0;
DROP INDEX approvals_asked;

-- What was claimed lately, for the limits: of a person by risk, and deletions of everybody.
CREATE INDEX approvals_claimed_by ON approvals (api, account, person, risk, claimed_at) WHERE claimed_at <> 0;
CREATE INDEX approvals_claimed_deletions ON approvals (api, account, claimed_at)
    WHERE claimed_at <> 0 AND substr(operation, length(operation) - 6) = '.delete';
DROP INDEX approvals_claimed;

-- What refers to an approval, so that one can be deleted without a look at all.
CREATE INDEX requests_approval ON requests (approval);
CREATE INDEX forms_approval ON forms (approval);

-- What is forgotten after a time.
CREATE INDEX requests_at ON requests (at);
CREATE INDEX forms_expires ON forms (expires_at);
CREATE INDEX deliveries_until ON deliveries (until);

-- The acceptances of restored logs: very few.
CREATE INDEX audit_accepted ON audit (at) WHERE operation = 'audit.accept';

-- The rows from which on a key signs: as few.
CREATE INDEX audit_signed ON audit (seq) WHERE operation = 'audit.sign';
