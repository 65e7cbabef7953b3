package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
)

type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (rows, error)
}

// rows are [database/sql.Rows], or those of a [pipeline].
type rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close() error
}

// params collects the arguments of a statement while its text is put together.
type params struct{ values []any }

func (p *params) add(value any) string {
	p.values = append(p.values, value)
	return "$" + strconv.Itoa(len(p.values))
}

// addAll returns the placeholders of several, with commas between.
func addAll[T any](p *params, values []T) string {
	marks := make([]string, len(values))
	for i, value := range values {
		marks[i] = p.add(value)
	}
	return strings.Join(marks, ", ")
}

type conditions struct {
	params
	clauses []string
}

func (c *conditions) equal(column, value string) {
	if value != "" {
		c.clauses = append(c.clauses, column+" = "+c.add(value))
	}
}

// at asks for a column of milliseconds to compare with t, unless t is zero.
func (c *conditions) at(column, operator string, t time.Time) {
	if !t.IsZero() {
		c.clauses = append(c.clauses, column+" "+operator+" "+c.add(millis(t)))
	}
}

// states asks for one of several states, as literals: with parameters in their place SQLite
// uses no partial index, and parses a prepared statement again at each use.
func (c *conditions) states(states []approval.State) {
	if len(states) > 0 {
		c.clauses = append(c.clauses, stateIn(states))
	}
}

func stateIn(states []approval.State) string {
	literals := make([]string, len(states))
	for i, state := range states {
		literals[i] = literal(string(state))
	}
	return "state IN (" + strings.Join(literals, ", ") + ")"
}

// in is the condition that a column is among what a query selects. As an array PostgreSQL looks each up by the
// column's index, where it may else read the whole table.
func (e *engine) in(query string) string {
	if e.session != nil {
		return "= ANY(ARRAY(" + query + "))"
	}
	return "IN (" + query + ")"
}

// literal is a text of the program's own, for a condition that a partial index has.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// limit is a clause with a literal: SQLite plans by a bound limit, so it parses a prepared statement
// again at each use.
func limit(n int) string { return " LIMIT " + strconv.Itoa(n) }

func (c *conditions) where() string {
	if len(c.clauses) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.clauses, " AND ")
}

// one runs a query for a single row. No row is approval.ErrNotFound.
func one[T any](ctx context.Context, q queryer, fields func(*T) []any, query string, args ...any) (T, error) {
	return first(all(ctx, q, fields, query, args...))
}

func first[T any](rows []T, err error) (one T, _ error) {
	if err != nil || len(rows) == 0 {
		return one, cmp.Or(err, approval.ErrNotFound)
	}
	return rows[0], nil
}

// orNil is nil in place of approval.ErrNotFound.
func orNil[T any](value T, err error) (*T, error) {
	if errors.Is(err, approval.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &value, nil
}

// observe is called with each statement; a test looks at its plan.
var observe = func(query string, args []any) {}

func all[T any](ctx context.Context, q queryer, fields func(*T) []any, query string, args ...any) ([]T, error) {
	args = storable(args)
	observe(query, args)
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return scanAll(nil, rows, fields)
}

func scanAll[T any](out []T, rows rows, fields func(*T) []any) ([]T, error) {
	defer rows.Close()
	for rows.Next() {
		var none T
		out = append(out, none)
		if err := rows.Scan(fields(&out[len(out)-1])...); err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return out, nil
}

func exists(ctx context.Context, q queryer, query string, args ...any) (bool, error) {
	n, err := count(ctx, q, query, args...)
	return n > 0, err
}

func count(ctx context.Context, q queryer, query string, args ...any) (int64, error) {
	return one(ctx, q, func(n *int64) []any { return []any{n} }, query, args...)
}

// execute runs a statement and reports whether it changed anything.
func execute(ctx context.Context, tx transaction, query string, args ...any) (bool, error) {
	args = storable(args)
	observe(query, args)
	result, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

func insert(ctx context.Context, tx transaction, table, columns string, values []any) error {
	_, err := execute(ctx, tx, insertQuery(table, columns, values), values...)
	return err
}

// insertLater is insert whose failure may be that of the commit.
func (t transaction) insertLater(ctx context.Context, table, columns string, values []any) error {
	return t.later(ctx, insertQuery(table, columns, values), values...)
}

func insertQuery(table, columns string, values []any) string {
	return "INSERT INTO " + table + " (" + columns + ") VALUES (" + addAll(&params{}, values) + ")"
}
