package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/trace"
)

// page is how many rows of the log are held in memory at a time.
const page = 1000

// Note implements [approval.Store].
func (s *Store) Note(ctx context.Context, row audit.Row) error {
	row.Trace = trace.ID(ctx)
	due := []audit.Row{row}
	if row.Decision == audit.Refused {
		due = s.refusals.count(row, func(kind refusal) { s.noteCounts(kind) })
	}
	for _, row := range due {
		if err := s.append(ctx, row); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) append(ctx context.Context, row audit.Row) error {
	return s.logged(ctx, func(ctx context.Context, tx transaction) error {
		_, err := appendRow(ctx, tx, row)
		return err
	})
}

const selectHead = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1"

// appendRow seals a row with the head of the chain, read in the same transaction, and
// returns its number. The transaction is one of [Store.logged]: no other may append.
func appendRow(ctx context.Context, tx transaction, row audit.Row) (int64, error) {
	last, err := audit.Row{Seq: tx.log.seq, Hash: tx.log.hash}, error(nil)
	if last.Seq == 0 {
		last, err = head(ctx, tx)
	}
	if err != nil {
		return 0, err
	}
	row.Seq = last.Seq + 1
	row.Trace = cmp.Or(row.Trace, trace.ID(ctx))
	row, err = audit.Seal(cmp.Or(last.Hash, audit.Genesis), row)
	if err != nil {
		return 0, fmt.Errorf("store: %w", err)
	}
	if tx.log.first == 0 {
		tx.log.first = row.Seq
	}
	tx.log.seq, tx.log.hash, tx.log.at = row.Seq, row.Hash, row.At
	return row.Seq, tx.insertLater(ctx, "audit", auditColumns, auditFields(&row))
}

// head is number and hash of the last row; an empty log has none.
func head(ctx context.Context, q queryer) (audit.Row, error) {
	last, err := orNil(one(ctx, q, func(r *audit.Row) []any { return []any{&r.Seq, &r.Hash} }, selectHead))
	if err != nil || last == nil {
		return audit.Row{}, err
	}
	return *last, nil
}

// Rows implements [audit.Store]. It reads page by page and holds no connection while the
// caller looks at a row; with a limit, that many rows are kept in memory.
func (s *Store) Rows(ctx context.Context, f audit.Filter) iter.Seq2[audit.Row, error] {
	return filtered(f, auditColumns, func(read func(context.Context, queryer) error) error { return s.reading(ctx, read) })
}

// Checkpoints returns all signed checkpoints, in the order of their rows.
func (s *Store) Checkpoints(ctx context.Context) ([]audit.SignedCheckpoint, error) {
	return readAll(ctx, s, noteFields, "SELECT seq, note FROM audit_checkpoints ORDER BY seq")
}

// logReader reads pages of the log, each in the place of the one before.
type logReader struct {
	run     func(read func(context.Context, queryer) error) error // with a connection
	columns string
	rows    []audit.Row
}

// page reads rows as one text each. If one of them does not come apart again, it reads them column by
// column: rows that were changed have the same error, or the same content, as ever.
func (l *logReader) page(query string, args []any) ([]audit.Row, error) {
	err := l.query(func(r *audit.Row) []any { return []any{(*packedRow)(r)} }, "SELECT "+packed(l.columns)+query, args)
	if errors.Is(err, errPacked) {
		err = l.query(auditFields, "SELECT "+l.columns+query, args)
	}
	return l.rows, err
}

func (l *logReader) query(fields func(*audit.Row) []any, query string, args []any) error {
	return l.run(func(ctx context.Context, q queryer) error {
		rows, err := q.QueryContext(ctx, query, storable(args)...)
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		l.rows, err = scanAll(l.rows[:0], rows, fields)
		return err
	})
}

// filtered yields the rows that match, oldest first; with a limit, the newest of them.
func filtered(f audit.Filter, columns string, run func(read func(context.Context, queryer) error) error) iter.Seq2[audit.Row, error] {
	return func(yield func(audit.Row, error) bool) {
		read := logReader{run: run, columns: columns}
		err := f.Valid()
		if err != nil {
			yield(audit.Row{}, fmt.Errorf("operation %q: %w", f.Operation, err))
			return
		}
		if f.Limit > 0 {
			var rows []audit.Row
			err = eachRow(f, "DESC", &read, func(row audit.Row) bool {
				rows = append(rows, row)
				return len(rows) < f.Limit
			})
			for _, row := range slices.Backward(rows) {
				if err != nil || !yield(row, nil) {
					break
				}
			}
		} else {
			err = eachRow(f, "ASC", &read, func(row audit.Row) bool { return yield(row, nil) })
		}
		if err != nil {
			yield(audit.Row{}, err)
		}
	}
}

// eachRow calls do with the rows that match, page after page in the order of seq, ASC or DESC, until
// it returns false.
func eachRow(f audit.Filter, order string, read *logReader, do func(audit.Row) bool) error {
	size := page
	if f.Limit > 0 && f.Target == "" && f.Where == nil && (f.Operation == "" || !isGlob(f.Operation)) {
		size = min(page, f.Limit) // no row is read in vain
	}
	for cursor := int64(-1); ; {
		query, args := pageQuery(f, order, cursor)
		rows, err := read.page(query+limit(size), args)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if f.Match(row) && !do(row) {
				return nil
			}
		}
		if len(rows) < size {
			return nil
		}
		cursor = rows[len(rows)-1].Seq
	}
}

func isGlob(pattern string) bool { return strings.ContainsAny(pattern, `*?[\`) }

// pageQuery reads the rows after the cursor in the given order; -1 is before the first. What
// SQL says the same way on every engine is filtered here, the rest, and times to less than
// a millisecond, by the caller. No column has two bounds on the same side: SQLite would seek to the
// first of them, and look at all rows from there to the other.
func pageQuery(f audit.Filter, order string, cursor int64) (string, []any) {
	c := &conditions{}
	switch {
	case order == "ASC":
		c.clauses = append(c.clauses, "seq > "+c.add(max(f.After, cursor)))
	case cursor >= 0:
		c.clauses = append(c.clauses, "seq < "+c.add(cursor))
		fallthrough
	default:
		c.clauses = append(c.clauses, "seq > "+c.add(f.After))
	}
	if !isGlob(f.Operation) {
		c.equal("operation", f.Operation)
	}
	c.equal("actor", f.Actor)
	c.equal("approval", f.Approval)
	c.equal("decision", string(f.Decision))
	c.equal("outcome", string(f.Outcome))
	c.at("at", ">=", f.Since)
	c.at("at", "<=", f.Until)
	return " FROM audit" + c.where() + " ORDER BY seq " + order, c.values
}

// Log is the audit log of a database that is opened to be read alone: nothing of it changes, not
// its schema either. What it shows is as of one moment. It is not for concurrent use.
type Log struct {
	db      *sql.DB
	tx      *sql.Tx
	version int64  // of the schema
	lying   string // path of a file that nobody had open; empty: it is none
	since   fs.FileInfo
}

// The options of a connection that only reads. A file that nobody has open has no -wal beside
// it; it is read as it lies there, so that none is made.
const (
	logOptions   = "?mode=ro&_pragma=busy_timeout(10000)&_pragma=query_only(1)"
	lyingOptions = logOptions + "&immutable=1"
)

// checkpointVersion is the version of the schema that brought the checkpoints.
const checkpointVersion = 3

var asOfOneMoment = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}

// OpenLog opens the audit log of the database that url names. A file that is not there is an
// [fs.ErrNotExist]. The caller closes the log.
func OpenLog(ctx context.Context, url string) (*Log, error) {
	path, isFile := strings.CutPrefix(url, "sqlite:")
	if !isFile {
		config, err := parsePostgres(url)
		if err != nil {
			return nil, err
		}
		db := postgresPool(config, 1, map[string]string{"default_transaction_read_only": "on", "idle_in_transaction_session_timeout": "0"})
		log, err := begin(ctx, db, asOfOneMoment)
		if err != nil {
			return nil, fmt.Errorf("database %s: %w", placeOf(config), explainPostgres(err))
		}
		return log, nil
	}
	log, err := openLogFile(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", path, explainSQLite(err))
	}
	return log, nil
}

func openLogFile(ctx context.Context, path string) (*Log, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	since, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	options, lying := logOptions, ""
	if !isOpen(path) {
		options, lying = lyingOptions, path
	}
	db, err := openPool(path, options, 1)
	if err != nil {
		return nil, err
	}
	l, err := begin(ctx, db, nil)
	if err == nil {
		l.lying, l.since = lying, since
	}
	return l, err
}

// isOpen reports whether somebody has a database open, or had when they were killed.
func isOpen(path string) bool {
	_, err := os.Stat(path + "-wal")
	return !errors.Is(err, fs.ErrNotExist)
}

// Stale reports whether somebody opened the file while it was read as it lay there: what was read
// may be of two moments, and is to be read again.
func (l *Log) Stale() bool {
	if l.lying == "" {
		return false
	}
	now, err := os.Stat(l.lying)
	return isOpen(l.lying) || err != nil || !now.ModTime().Equal(l.since.ModTime()) || now.Size() != l.since.Size()
}

// Exists reports whether there is a database: the zero Log is empty.
func (l *Log) Exists() bool { return l.db != nil }

// begin takes the moment as of which the log is read.
func begin(ctx context.Context, db *sql.DB, options *sql.TxOptions) (*Log, error) {
	tx, err := db.BeginTx(ctx, options)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	l := &Log{db: db, tx: tx}
	var version int64
	if err := tx.QueryRowContext(ctx, "SELECT max(version_id) FROM goose_db_version").Scan(&version); err != nil {
		return nil, errors.Join(fmt.Errorf("it is no database of vpsbot: %w", err), l.Close())
	}
	if err := checkKnown(version); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	l.version = version
	return l, nil
}

// Rows implements [audit.Store].
func (l *Log) Rows(ctx context.Context, f audit.Filter) iter.Seq2[audit.Row, error] {
	return filtered(f, auditColumnsOf(l.version), func(read func(context.Context, queryer) error) error {
		if !l.Exists() {
			return nil
		}
		return read(ctx, conn{db: l.tx})
	})
}

// Checkpoints returns the signed checkpoints of row from and those after it, in the order of their rows.
func (l *Log) Checkpoints(ctx context.Context, from int64) ([]audit.SignedCheckpoint, error) {
	if l.version < checkpointVersion {
		return nil, nil
	}
	return all(ctx, conn{db: l.tx}, noteFields, "SELECT seq, note FROM audit_checkpoints WHERE seq >= $1 ORDER BY seq", from)
}

// Has reports whether the log has a checkpoint, and its row.
func (l *Log) Has(ctx context.Context, c audit.Checkpoint) (bool, error) {
	if l.version < checkpointVersion {
		return false, nil
	}
	return hasCheckpoint(ctx, conn{db: l.tx}, c)
}

// Renew reads the log as of now, on the same connection. It is for PostgreSQL. After an error the log is to be closed.
func (l *Log) Renew(ctx context.Context) error {
	_ = l.tx.Rollback()                             // nothing was written
	renewed, err := begin(ctx, l.db, asOfOneMoment) // the schema may be a newer one
	if err == nil {
		*l = *renewed
	}
	return err
}

// Close ends the reading.
func (l *Log) Close() error {
	if !l.Exists() {
		return nil
	}
	_ = l.tx.Rollback() // nothing was written
	return l.db.Close()
}
