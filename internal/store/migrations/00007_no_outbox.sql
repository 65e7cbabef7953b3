-- +goose Up

-- Nothing was ever put into it: the inbox and the posts say what is still to be told.
DROP TABLE outbox;
