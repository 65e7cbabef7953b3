// Package store keeps approvals, the audit log and access keys in a database, behind the
// interfaces that packages approval, audit and keys declare.
//
// Each write is one transaction that also appends the audit row it was given. The SQL has
// placeholders, types and clauses that SQLite and PostgreSQL share; what is particular to
// one engine is in the files of its name.
package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/internal/keys"
)

// readers is the size of the read pool.
const readers = 4

// Store is an open database. It is safe for concurrent use, by any number of processes on
// one database; its zero value is not usable: see [Open].
type Store struct {
	engine
	write *sql.DB
	turn  chan struct{} // holds whoever writes: writers queue here rather than in the engine
	read  *sql.DB       // cannot write
	seats chan struct{} // hold whoever reads, so that time spent queueing is not the database's

	received atomic.Int64 // deliveries

	signing                // of the log
	refusals   refusals    // that are not rows yet
	statements *statements // of the writer; nil where the driver keeps them
	reads      *reads
}

// engine is what is particular to SQLite or PostgreSQL.
type engine struct {
	path    string            // of the file; empty: not a file
	files   *files            // those that were opened; nil: not a file. Whoever has the writer's turn may use it
	options *sql.TxOptions    // of a write
	skip    string            // end of a SELECT that locks its rows and leaves out those that others have locked; empty: nobody can
	lock    string            // statement that makes a transaction the only one that appends; empty: it is anyway
	timeout time.Duration     // of a transaction, or a read; 0: none
	clock   string            // expression: milliseconds since 1970 by the database's clock
	explain func(error) error // adds the next step to an error; never nil
}

var (
	_ approval.Store = (*Store)(nil)
	_ delivery.Inbox = (*Store)(nil)
	_ delivery.Posts = (*Store)(nil)
	_ audit.Store    = (*Store)(nil)
	_ keys.Store     = (*Store)(nil)
)

// Open opens the database that url names, "sqlite:PATH" or "postgres://…", and brings its
// schema up to date; a file and its folder are made where they are missing. The caller
// closes the store. An error says what to do next and does not repeat a password.
func Open(ctx context.Context, url string) (*Store, error) {
	scheme, path, _ := strings.Cut(url, ":")
	switch {
	case scheme == "sqlite" && path != "":
		return openSQLite(ctx, path)
	case scheme == "sqlite":
		return nil, errors.New("the database URL has no path: write sqlite:PATH")
	case isPostgres(url):
		return openPostgres(ctx, url)
	}
	return nil, errors.New("the database URL is not understood: write sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE")
}

func isPostgres(url string) bool {
	return strings.HasPrefix(url, "postgres:") || strings.HasPrefix(url, "postgresql:")
}

// newStore takes the pools and how many connections each has.
func newStore(e engine, write *sql.DB, writers int, read *sql.DB, readers int) *Store {
	return &Store{engine: e, write: write, turn: make(chan struct{}, writers), read: read, reads: &reads{db: read}, seats: make(chan struct{}, readers)}
}

// Close writes the refusals that were only counted, and closes the database. Nothing may use the
// store any more; closing it again is fine.
func (s *Store) Close() error {
	s.noteCounts()
	// The writer goes last: SQLite tidies up its files as the last connection closes.
	return errors.Join(s.read.Close(), s.write.Close())
}
