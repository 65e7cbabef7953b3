package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// pipeline is a write transaction on PostgreSQL that sends its statements together: what is queued goes with
// the first statement whose result is wanted, or with the commit. Two round trips are enough for a change that
// nothing speaks against: it locks the log, reads what decides and the head of the chain, then it writes and
// commits. So others wait for the log's lock during one of them.
//
// The server runs the statements in their order, each as of the moment at which it begins: what is read after
// the lock, in the same message, is what the last holder of the lock has left.
type pipeline struct {
	conn  *pgx.Conn
	batch *pgx.Batch
	ahead []*answer // of foreseen reads that nobody has asked for yet
}

// beginReadCommitted has each statement see what was committed before it began, whatever the server's default
// is: a snapshot from before the append lock was had would not show what others have just written.
const beginReadCommitted = "begin isolation level read committed"

// pipelined runs a transaction, and reports whether its commit was sent.
func pipelined(ctx context.Context, s *Store, do func(conn) error) (committing bool, err error) {
	c, err := s.write.Conn(ctx)
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	defer c.Close() //nolint:errcheck // gives it back to the pool, which drops it if it is broken
	err = c.Raw(func(driver any) error {
		p := &pipeline{conn: driver.(*stdlib.Conn).Conn(), batch: &pgx.Batch{}}
		defer p.rollback(ctx)
		p.queue(beginReadCommitted)
		if err := do(conn{pipe: p}); err != nil {
			return err
		}
		committing = true
		return p.commit(ctx)
	})
	return committing, err
}

func (p *pipeline) commit(ctx context.Context) error {
	done := p.queue("commit")
	if err := p.send(ctx); err != nil {
		return err
	}
	if done.tag.String() != "COMMIT" {
		return errors.New("the database has rolled the transaction back")
	}
	return nil
}

// rollback ends what was neither committed nor ended by the loss of the connection.
func (p *pipeline) rollback(ctx context.Context) {
	if p.conn.IsClosed() || p.conn.PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := ownTime(ctx)
	defer cancel()
	if _, err := p.conn.Exec(ctx, "rollback"); err != nil {
		_ = p.conn.Close(ctx)
	}
}

type answer struct {
	query  string
	args   []any
	sent   bool
	conn   *pgx.Conn
	fields []pgconn.FieldDescription
	rows   [][][]byte
	tag    pgconn.CommandTag
	next   int
}

func (a *answer) Next() bool { a.next++; return a.next <= len(a.rows) }
func (a *answer) Scan(dest ...any) error {
	return pgx.ScanRow(a.conn.TypeMap(), a.fields, a.rows[a.next-1], dest...)
}
func (a *answer) Err() error   { return nil }
func (a *answer) Close() error { return nil }

func (a *answer) read(rows pgx.Rows) error {
	a.sent = true
	for rows.Next() { // the driver uses its memory again for the next row
		a.fields = slices.Clone(rows.FieldDescriptions())
		values := slices.Clone(rows.RawValues())
		for i := range values {
			values[i] = slices.Clone(values[i])
		}
		a.rows = append(a.rows, values)
	}
	a.tag = rows.CommandTag()
	return rows.Err()
}

// queue adds a statement to those that are sent next.
func (p *pipeline) queue(query string, args ...any) *answer {
	a := &answer{query: query, args: plain(args), conn: p.conn}
	p.batch.Queue(query, a.args...).Query(a.read)
	return a
}

// plain converts arguments as database/sql does; what cannot be converted the driver refuses.
func plain(args []any) []any {
	out := slices.Clone(args)
	for i, arg := range args {
		if value, err := driver.DefaultParameterConverter.ConvertValue(arg); err == nil {
			out[i] = value
		}
	}
	return out
}

// send sends what is queued, in one message, and reads the answers. After an error the transaction is over.
func (p *pipeline) send(ctx context.Context) error {
	batch := p.batch
	p.batch = &pgx.Batch{}
	return p.conn.SendBatch(ctx, batch).Close()
}

// query returns the answer to a read that was foreseen, or asks now.
func (p *pipeline) query(ctx context.Context, query string, args []any) (rows, error) {
	args = plain(args)
	at := slices.IndexFunc(p.ahead, func(a *answer) bool { return a.query == query && slices.Equal(a.args, args) })
	var a *answer
	if at < 0 {
		a = p.queue(query, args...)
	} else {
		a = p.ahead[at]
		p.ahead = slices.Delete(p.ahead, at, at+1)
	}
	if !a.sent {
		if err := p.send(ctx); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (p *pipeline) execute(ctx context.Context, query string, args []any) (sql.Result, error) {
	a := p.queue(query, args...)
	err := p.send(ctx)
	return driver.RowsAffected(a.tag.RowsAffected()), err
}

// foresee has the reads of look sent together with what is queued, where that saves round trips. It runs look
// without a database: each read finds no row, as it does where nothing speaks against a change. A read that is
// not done later, or not so, costs its time alone. None may be of what the transaction writes before it is done.
func (t transaction) foresee(look func(q queryer)) {
	if t.pipe != nil {
		look(foresight{t.pipe})
	}
}

type foresight struct{ *pipeline }

func (f foresight) QueryContext(_ context.Context, query string, args ...any) (rows, error) {
	f.ahead = append(f.ahead, f.queue(query, args...))
	return &answer{}, nil
}

// later runs a statement at the latest as the transaction is committed, which fails if it does.
func (t transaction) later(ctx context.Context, query string, args ...any) error {
	if t.pipe != nil {
		t.pipe.queue(query, storable(args)...)
		return nil
	}
	if _, err := t.ExecContext(ctx, query, storable(args)...); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}
