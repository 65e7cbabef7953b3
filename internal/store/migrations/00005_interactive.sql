-- +goose Up

-- Whether it was asked on a real terminal, where a person sits. What was asked before this was
-- known counts as asked by a machine.
ALTER TABLE approvals ADD COLUMN interactive INTEGER NOT NULL DEFAULT 0;
