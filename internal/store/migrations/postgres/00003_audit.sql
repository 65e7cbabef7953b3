
-- The log only grows, but for what was archived.
DROP TRIGGER audit_no_delete ON audit;

-- +goose StatementBegin
CREATE FUNCTION audit_refuse_after_archives() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.seq > (SELECT coalesce(max(last_seq), 0) - TG_ARGV[1]::bigint FROM audit_archives) THEN
        RAISE EXCEPTION '%', TG_ARGV[0];
    END IF;
    RETURN OLD;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_after_archives('audit rows are never deleted', 0);

CREATE TRIGGER audit_checkpoints_no_update BEFORE UPDATE ON audit_checkpoints
    FOR EACH ROW EXECUTE FUNCTION audit_refuse('checkpoints are never changed');

-- The checkpoint of the last archived row stays: what remains follows it.
CREATE TRIGGER audit_checkpoints_no_delete BEFORE DELETE ON audit_checkpoints
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_after_archives('checkpoints are never deleted', 1);

CREATE TRIGGER audit_checkpoints_no_truncate BEFORE TRUNCATE ON audit_checkpoints
    EXECUTE FUNCTION audit_refuse('checkpoints are never deleted');
