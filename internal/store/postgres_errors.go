package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// What PostgreSQL says and a person can do something about.
var remedies = []struct{ code, remedy string }{
	{"28", "check user and password in VPSBOT_DATABASE_URL, and the server's pg_hba.conf"},
	{"3D000", "create the database, or correct its name in VPSBOT_DATABASE_URL"},
	{"42501", "give the user the database, or a schema of its own (ALTER DATABASE … OWNER TO …)"},
	{"25006", "it is a standby, or set to read-only: name the primary in VPSBOT_DATABASE_URL"},
	{"53100", "its disk is full: make room"},
	{"42P07", "another program's tables are in the way: take a database of its own"},
}

// explainPostgres says what a failure of the database means for whoever meets it. An error of
// ours, and a caller's own cancellation, is returned as it is.
func explainPostgres(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	for _, r := range remedies {
		if hasCode(err, r.code) {
			return &explained{"the database refuses: " + brief(err) + ": " + r.remedy, err}
		}
	}
	switch {
	case errors.Is(err, errCommitUnknown):
		return &explained{"the database cannot be reached: " + brief(err) + "; " + errCommitUnknown.Error() +
			", and changes are refused until it can", err}
	case isLost(err):
		return &explained{"the database cannot be reached: " + brief(err) + "; changes are refused until it can", err}
	case hasCode(err, queryCancelled, lockTimeout):
		return &explained{"the database takes too long: " + brief(err) + "; try again", err}
	}
	return err
}

// explained is an error in other words.
type explained struct {
	text string
	err  error
}

func (e *explained) Error() string { return e.text }
func (e *explained) Unwrap() error { return e.err }

// brief is the innermost error's text, in one line: what wraps it names our own statements.
func brief(err error) string {
	var refused *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %s", patience)
	case errors.As(err, &refused):
		return oneLine(refused.Message)
	case errors.As(err, &connect):
		return oneLine(fmt.Sprint(connect.Unwrap()))
	}
	return oneLine(strings.TrimPrefix(err.Error(), "store: "))
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
