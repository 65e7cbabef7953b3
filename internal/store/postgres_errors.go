package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// The next step for errors of PostgreSQL that a person can mend.
var nextSteps = []struct{ code, remedy string }{
	{"28", "check user and password in VPSBOT_DATABASE_URL, and the server's pg_hba.conf"},
	{"3D000", "create the database, or correct its name in VPSBOT_DATABASE_URL"},
	{"42501", "give the user the database, or a schema of its own (ALTER DATABASE … OWNER TO …)"},
	{"25006", "it is a standby, or set to read-only: name the primary in VPSBOT_DATABASE_URL"},
	{"53100", "its disk is full: make room"},
	{"42P07", "another program's tables are in the way: take a database of its own"},
}

// explainPostgres adds to a failure of the database what it means and the next step. An error of
// ours, and a caller's own cancellation, is returned as it is.
func explainPostgres(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	for _, r := range nextSteps {
		if hasCode(err, r.code) {
			return &explained{"the database refuses: " + innermostText(err) + ": " + r.remedy, err}
		}
	}
	switch {
	case errors.Is(err, errCommitUnknown):
		return &explained{"the database cannot be reached: " + innermostText(err) + "; " + errCommitUnknown.Error() +
			", and changes are refused until it can", err}
	case isLost(err):
		return &explained{"the database cannot be reached: " + innermostText(err) + "; changes are refused until it can", err}
	case hasCode(err, queryCancelled, lockTimeout):
		return &explained{"the database takes too long: " + innermostText(err) + "; try again", err}
	}
	return err
}

type explained struct {
	text string
	err  error
}

func (e *explained) Error() string { return e.text }
func (e *explained) Unwrap() error { return e.err }

// innermostText is the innermost error's text, in one line: what wraps it names our own statements.
func innermostText(err error) string {
	var refused *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %s", postgresTimeout)
	case errors.As(err, &refused):
		return oneLine(refused.Message)
	case errors.As(err, &connect):
		return oneLine(fmt.Sprint(connect.Unwrap()))
	}
	return oneLine(strings.TrimPrefix(err.Error(), "store: "))
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// The codes of PostgreSQL's manual, appendix A, that are distinguished here.
const (
	foreignKey           = "23503"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	uniqueViolation      = "23505"
	tooManyConnections   = "53300"
	queryCancelled       = "57014" // also by statement_timeout
	lockTimeout          = "55P03"
	idleInTransaction    = "25P03"
)

func hasCode(err error, codes ...string) bool {
	var failure *pgconn.PgError
	return errors.As(err, &failure) &&
		slices.ContainsFunc(codes, func(code string) bool { return strings.HasPrefix(failure.Code, code) })
}

func isForeignKeyError(err error) bool {
	var failure *sqlite.Error
	return hasCode(err, foreignKey) || errors.As(err, &failure) && failure.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
}

// isTransient reports whether the same transaction may well succeed if it is tried again, and
// certainly has changed nothing yet.
func isTransient(err error) bool {
	if err == nil || errors.Is(err, errCommitUnknown) {
		return false
	}
	if hasCode(err, serializationFailure, deadlockDetected, uniqueViolation) {
		return true
	}
	// Without a connection, or without an answer in time, a second attempt only takes longer.
	return isLost(err) && !cannotConnect(err) && !errors.Is(err, context.DeadlineExceeded)
}

func cannotConnect(err error) bool {
	return errors.As(err, new(*pgconn.ConnectError))
}

// isLost reports whether the connection to the database broke, or never came to be.
func isLost(err error) bool {
	var network net.Error
	return cannotConnect(err) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, pgconn.ErrConnClosed) || errors.As(err, &network) && !errors.Is(err, context.Canceled) ||
		hasCode(err, "08", "57P0", tooManyConnections, idleInTransaction)
}
