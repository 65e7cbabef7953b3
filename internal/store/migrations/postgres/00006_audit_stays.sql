
-- Nothing is archived any more: the log only grows.
DROP TRIGGER audit_no_delete ON audit;
DROP TRIGGER audit_checkpoints_no_delete ON audit_checkpoints;

CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_refuse('audit rows are never deleted');

CREATE TRIGGER audit_checkpoints_no_delete BEFORE DELETE ON audit_checkpoints
    FOR EACH ROW EXECUTE FUNCTION audit_refuse('checkpoints are never deleted');
