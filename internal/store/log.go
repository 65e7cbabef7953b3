package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/vpsbot/vpsbot/internal/audit"
)

// page is how many rows of the log are held in memory at a time.
const page = 1000

// Note implements [approval.Store].
func (s *Store) Note(ctx context.Context, row audit.Row) error {
	if row.Decision == audit.Refused {
		return s.noteRefusal(ctx, row)
	}
	return s.append(ctx, row)
}

func (s *Store) append(ctx context.Context, row audit.Row) error {
	return s.logged(ctx, func(ctx context.Context, tx transaction) error {
		_, err := appendRow(ctx, tx, row)
		return err
	})
}

// appendRow seals a row with the head of the chain, read in the same transaction, and
// returns its number. The transaction is one of [Store.logged]: no other may append.
func appendRow(ctx context.Context, tx transaction, row audit.Row) (int64, error) {
	seq, head := int64(0), audit.Genesis
	err := tx.QueryRowContext(ctx, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").Scan(&seq, &head)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("store: %w", err)
	}
	row.Seq = seq + 1
	row, err = audit.Seal(head, row)
	if err != nil {
		return 0, fmt.Errorf("store: %w", err)
	}
	if tx.log.first == 0 {
		tx.log.first = row.Seq
	}
	tx.log.seq, tx.log.hash, tx.log.at = row.Seq, row.Hash, row.At
	return row.Seq, insert(ctx, tx, "audit", auditColumns, auditFields(&row))
}

// Rows implements [audit.Store]. It reads page by page and holds no connection while the
// caller looks at a row; with a limit, that many rows are kept in memory.
func (s *Store) Rows(ctx context.Context, f audit.Filter) iter.Seq2[audit.Row, error] {
	return filtered(f, func(query string, args ...any) ([]audit.Row, error) {
		return readAll(ctx, s, auditFields, query, args...)
	})
}

// Checkpoints implements [audit.CheckpointStore].
func (s *Store) Checkpoints(ctx context.Context) ([]audit.SignedCheckpoint, error) {
	return readAll(ctx, s, noteFields, "SELECT seq, note FROM audit_checkpoints ORDER BY seq")
}

// rowQuery reads rows of the log.
type rowQuery func(query string, args ...any) ([]audit.Row, error)

// filtered yields the rows that match, oldest first.
func filtered(f audit.Filter, read rowQuery) iter.Seq2[audit.Row, error] {
	return func(yield func(audit.Row, error) bool) {
		if err := f.Valid(); err != nil {
			yield(audit.Row{}, fmt.Errorf("operation %q: %w", f.Operation, err))
			return
		}
		rows := matching(f, "ASC", read)
		if f.Limit > 0 {
			rows = newest(matching(f, "DESC", read), f.Limit)
		}
		for row, err := range rows {
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// newest takes the first limit rows of a backward listing and turns them round.
func newest(backward iter.Seq2[audit.Row, error], limit int) iter.Seq2[audit.Row, error] {
	return func(yield func(audit.Row, error) bool) {
		var rows []audit.Row
		for row, err := range backward {
			if err != nil {
				yield(audit.Row{}, err)
				return
			}
			if rows = append(rows, row); len(rows) == limit {
				break
			}
		}
		for _, row := range slices.Backward(rows) {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// matching yields the rows that match in the order of seq, ASC or DESC.
func matching(f audit.Filter, order string, read rowQuery) iter.Seq2[audit.Row, error] {
	rows := pages(func(cursor int64) ([]audit.Row, error) {
		query, args := pageQuery(f, order, cursor)
		return read(query, args...)
	})
	return func(yield func(audit.Row, error) bool) {
		for row, err := range rows {
			if (err != nil || f.Match(row)) && !yield(row, err) {
				return
			}
		}
	}
}

// pages yields the rows of page after page; read is given the number of the last row before
// its page, -1 at first.
func pages(read func(cursor int64) ([]audit.Row, error)) iter.Seq2[audit.Row, error] {
	return func(yield func(audit.Row, error) bool) {
		for cursor := int64(-1); ; {
			rows, err := read(cursor)
			if err != nil {
				yield(audit.Row{}, err)
				return
			}
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
			if len(rows) < page {
				return
			}
			cursor = rows[len(rows)-1].Seq
		}
	}
}

// pageQuery reads the rows after the cursor in the given order; -1 is before the first. What
// SQL says the same way on every engine is filtered here, the rest, and times to less than
// a millisecond, by the caller.
func pageQuery(f audit.Filter, order string, cursor int64) (string, []any) {
	c := &conditions{}
	c.clauses = append(c.clauses, "seq > "+c.add(f.After))
	if cursor >= 0 {
		c.clauses = append(c.clauses, "seq "+map[string]string{"ASC": ">", "DESC": "<"}[order]+" "+c.add(cursor))
	}
	c.equal("actor", f.Actor)
	c.equal("approval", f.Approval)
	c.equal("decision", string(f.Decision))
	c.equal("outcome", string(f.Outcome))
	c.at("at", ">=", f.Since)
	c.at("at", "<=", f.Until)
	query := "SELECT " + auditColumns + " FROM audit" + c.where() + " ORDER BY seq " + order + limit(page)
	return query, c.values
}
