package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// The codes of PostgreSQL's manual, appendix A, that are told apart here.
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
	if !errors.As(err, &failure) {
		return false
	}
	for _, code := range codes {
		if strings.HasPrefix(failure.Code, code) {
			return true
		}
	}
	return false
}

// isDangling reports whether a row names an approval that does not exist.
func isDangling(err error) bool {
	var failure *sqlite.Error
	return hasCode(err, foreignKey) || errors.As(err, &failure) && failure.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
}

// isPassing reports whether the same transaction may well succeed if it is tried again, and
// certainly has changed nothing yet.
func isPassing(err error) bool {
	if err == nil || errors.Is(err, errCommitUnknown) {
		return false
	}
	if hasCode(err, serializationFailure, deadlockDetected, uniqueViolation) {
		return true
	}
	// Where there is no connection to be had, or no answer in time, a second try only takes longer.
	return isLost(err) && !cannotConnect(err) && !errors.Is(err, context.DeadlineExceeded)
}

func cannotConnect(err error) bool {
	var failure *pgconn.ConnectError
	return errors.As(err, &failure)
}

// isLost reports whether the connection to the database broke, or never came to be.
func isLost(err error) bool {
	var network net.Error
	return cannotConnect(err) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, pgconn.ErrConnClosed) || errors.As(err, &network) && !errors.Is(err, context.Canceled) ||
		hasCode(err, "08", "57P0", tooManyConnections, idleInTransaction)
}
