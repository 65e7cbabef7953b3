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
	"sync"
	"sync/atomic"
	"time"

	"github.com/vpsbot/vpsbot/internal/liveness"
)

const readers = 4

// Store is an open database. It is safe for concurrent use, by any number of processes on
// one database; its zero value is not usable: see [Open].
type Store struct {
	engine
	write      *sql.DB
	writeSlots chan struct{} // of writers: they queue here rather than in the engine
	writeQueue chan struct{} // as many: all but urgent writers wait here before they ask for a slot
	writes     *statements   // nil where the driver keeps what it has prepared; so are reads
	read       *sql.DB       // cannot write
	readSlots  chan struct{} // of readers, so that the wait for a connection does not count as the database's time
	reads      *statements

	received atomic.Int64 // deliveries

	locks sync.Mutex
	id    string // of the next lock; empty: at random
	held  map[liveness.Kind]liveness.Lock

	// Watch is called after each access, in the goroutine that made it. It is set before the store is used; nil: nobody
	// watches.
	Watch func(Access)

	signing           // of the log
	refusals refusals // that are not rows yet
}

// engine is what is particular to SQLite or PostgreSQL.
type engine struct {
	path     string            // of the file; empty: not a file
	files    *files            // those that were opened; nil: not a file. Only with the write slot
	options  *sql.TxOptions    // of a write
	skip     string            // end of a SELECT that locks its rows and leaves out those that others have locked; empty: there are no such locks
	lock     string            // statement that makes a transaction the only one that appends; empty: it is anyway
	timeout  time.Duration     // of a transaction, or a read; 0: none
	bytewise string            // collation by bytes; empty: every text has it
	clock    string            // expression: milliseconds since 1970 by the database's clock
	explain  func(error) error // adds the next step to an error; never nil

	turns     *turns          // of the processes that write; nil: not a file. Only with the write slot
	lockFiles *liveness.Files // of holders; nil: not a file
	session   *session        // whose locks show that this process exists; nil: a file
	growth    *growth         // of the pools; nil: they are as wide as they get
}

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

func newStore(e engine, write *sql.DB, writers int, read *sql.DB) *Store {
	return &Store{
		engine: e, write: write, writeSlots: make(chan struct{}, writers), writeQueue: make(chan struct{}, writers),
		read: read, readSlots: make(chan struct{}, readers), held: map[liveness.Kind]liveness.Lock{},
	}
}

// Close writes the refusals that were only counted, and closes the database. Nothing may use the
// store any more; closing it again is fine.
func (s *Store) Close() error {
	s.noteCounts()
	released := s.releaseLocks()
	// The writer is closed last: SQLite removes its files as the last connection closes.
	return errors.Join(released, s.read.Close(), s.write.Close())
}

// statementLimit bounds the cache; the store has a few dozen different texts.
const statementLimit = 100

// statements keeps what was prepared on a pool, by its text: parsing costs SQLite more than running.
// It only saves time, so nothing here fails, and nil prepares nothing.
type statements struct {
	db *sql.DB

	mu       sync.Mutex
	prepared map[string]*sql.Stmt
	wanted   map[string]bool
}

func newStatements(db *sql.DB) *statements {
	return &statements{db: db, prepared: map[string]*sql.Stmt{}, wanted: map[string]bool{}}
}

// find returns the prepared statement, or nil. What is used a second time is prepared from then on:
// a command that ends after its change would parse each twice.
func (s *statements) find(query string) *sql.Stmt {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stmt, used := s.prepared[query]
	switch {
	case stmt == nil && used:
		s.wanted[query] = true
	case stmt == nil && len(s.prepared) < statementLimit:
		s.prepared[query] = nil
	}
	return stmt
}

// prepare prepares what find was asked for in vain. It is called outside of a transaction: within one
// the writer's only connection is in use.
func (s *statements) prepare(ctx context.Context) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for query := range s.wanted {
		if stmt, err := s.db.PrepareContext(ctx, query); err == nil {
			s.prepared[query] = stmt
		}
	}
	clear(s.wanted)
}

// conn runs statements in a transaction or on a pool, and uses what is prepared there.
type conn struct {
	db interface { // *sql.Tx or *sql.DB
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	}
	statements *statements
	pipe       *pipeline // in the place of both; nil: there is none
}

// find returns the prepared statement of a query for this transaction or pool, or nil.
func (c conn) find(ctx context.Context, query string) *sql.Stmt {
	stmt := c.statements.find(query)
	if tx, isTx := c.db.(*sql.Tx); isTx && stmt != nil {
		return tx.StmtContext(ctx, stmt)
	}
	return stmt
}

func (c conn) QueryContext(ctx context.Context, query string, args ...any) (rows, error) {
	if c.pipe != nil {
		return c.pipe.query(ctx, query, args)
	}
	if stmt := c.find(ctx, query); stmt != nil {
		return stmt.QueryContext(ctx, args...)
	}
	return c.db.QueryContext(ctx, query, args...)
}

func (c conn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if c.pipe != nil {
		return c.pipe.execute(ctx, query, args)
	}
	if stmt := c.find(ctx, query); stmt != nil {
		return stmt.ExecContext(ctx, args...)
	}
	return c.db.ExecContext(ctx, query, args...)
}
