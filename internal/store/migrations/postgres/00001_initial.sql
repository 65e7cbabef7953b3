
-- The log only grows.
-- +goose StatementBegin
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0];
END
$$;
-- +goose StatementEnd

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_refuse('audit rows are never changed');

CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_refuse('audit rows are never deleted');

CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
    EXECUTE FUNCTION audit_refuse('audit rows are never deleted');
