// Package bigstore fills a store as years of use would: with approvals that have ended, some that are open, and
// an audit log that is sealed and signed. Tests and benchmarks of growth compare a store with a big one.
package bigstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store"
)

// Size is what a store is filled with, in addition to what it has.
type Size struct {
	Ended   int       // approvals that are done, one every minute up to Now
	Open    int       // approvals that wait for an answer, for an hour from Now
	Rows    int       // rows of the audit log, twenty every minute up to Now
	Key     audit.Key // signs a checkpoint every 100 rows; the zero key signs none
	Now     time.Time
	API     string
	Account string
	Actor   string
}

// Fill fills the store that a URL names. Nobody may write to it meanwhile.
func Fill(tb testing.TB, url string, size Size) {
	tb.Helper()
	ctx := context.Background()
	if err := fillApprovals(ctx, url, size); err != nil {
		tb.Fatal(err)
	}
	db, err := open(url)
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	for left := size.Rows; left > 0; left -= rowsAtOnce {
		if err := fillRows(ctx, db, size, left); err != nil {
			tb.Fatal(err)
		}
	}
	if strings.HasPrefix(url, "postgres") { // as autovacuum does
		if _, err := db.ExecContext(ctx, "ANALYZE"); err != nil {
			tb.Fatal(err)
		}
	}
}

const (
	rowsAtOnce    = 100_000 // of the log, in one transaction
	rowsPerMinute = 20
)

// Without a journal each page is written once; a fill that is interrupted leaves a file of no use.
const fileOptions = "?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=synchronous(OFF)&_pragma=journal_mode(OFF)&_pragma=cache_size(-200000)"

// open opens the database itself: the store has no way to write what is long past.
func open(url string) (*sql.DB, error) {
	if path, isFile := strings.CutPrefix(url, "sqlite:"); isFile {
		return sql.Open("sqlite", "file://"+path+fileOptions)
	}
	return sql.Open("pgx", url)
}

// fillApprovals stores one approval of each kind by the store's own code, and copies it.
func fillApprovals(ctx context.Context, url string, size Size) error {
	s, err := store.Open(ctx, url)
	if err != nil {
		return err
	}
	ended, err := storeEnded(ctx, s, size)
	if err == nil {
		_, _, err = s.Insert(ctx, question("big-open", size), nil, row(size, size.Rows/rowsPerMinute))
	}
	if err := s.Close(); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	db, err := open(url)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := (Copies{ended.ID, size.Ended, time.Minute}).store(ctx, db); err != nil {
		return err
	}
	return Copies{"big-open", size.Open, 0}.store(ctx, db)
}

func storeEnded(ctx context.Context, s *store.Store, size Size) (approval.Record, error) {
	r, _, err := s.Insert(ctx, question("big-ended", size), nil, row(size, size.Rows/rowsPerMinute))
	if err != nil {
		return r, err
	}
	at := r.CreatedAt.Add(time.Second)
	steps := []approval.Move{
		{From: []approval.State{approval.Pending}, To: approval.Executing, At: at, Owner: "gone", Consent: &approval.Consent{
			Person: "alice", Identity: "local:alice", Channel: "terminal", Yes: true, At: at,
		}},
		{From: []approval.State{approval.Executing}, To: approval.Done, At: at.Add(time.Second), APIStatus: 202, Message: "Done."},
	}
	for _, step := range steps {
		step.ID = r.ID
		if r, err = s.Move(ctx, step, row(size, size.Rows/rowsPerMinute)); err != nil {
			return r, err
		}
	}
	_, err = s.MarkDelivered(ctx, r.ID, r.ChangedAt)
	return r, err
}

// question is a record of the size that a request by an assistant has.
func question(id string, size Size) approval.Record {
	facts := `{"hostname":"web01.example.com","id":"12345","ip":"203.0.113.10","location":"us-west","plan":"Standard VPS","status":"active"}`
	return approval.Record{
		ID: id, Operation: "servers.delete", Risk: "destructive", Input: json.RawMessage(`{"server":"12345"}`),
		AskedHash: id + "-asked", ArgsHash: id + "-args", Actor: size.Actor, Person: "alice", Surface: "mcp", Session: "s1",
		API: size.API, Account: size.Account, TokenName: "laptop", Target: id, TargetName: "web-server-01", Confirm: "web-server-01",
		Card:  json.RawMessage(`{"title":"Deletes the server","lines":` + quoted(strings.Repeat("what the card shows ", 40)) + `}`),
		Facts: json.RawMessage(facts), Fingerprint: id, Own: true, State: approval.Pending, AnswerMode: approval.Async,
		Interactive: true, // nobody asks again: such questions have no limit
		CreatedAt:   size.Now.Add(-time.Minute), ExpiresAt: size.Now.Add(time.Hour),
	}
}

func quoted(text string) string {
	raw, _ := json.Marshal(text) // a string is always JSON
	return string(raw)
}

// Multiply stores copies of an approval.
func Multiply(tb testing.TB, url string, of Copies) {
	tb.Helper()
	db, err := open(url)
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	if err := of.store(context.Background(), db); err != nil {
		tb.Fatal(err)
	}
}

// Copies are further approvals like the one with an ID, of other targets.
type Copies struct {
	ID    string
	N     int
	Older time.Duration // each than the one before
}

func (c Copies) store(ctx context.Context, db *sql.DB) error {
	if c.N <= 0 {
		return nil
	}
	rows, err := db.QueryContext(ctx, "SELECT * FROM approvals LIMIT 0")
	if err != nil {
		return err
	}
	columns, err := rows.Columns()
	if err := rows.Close(); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	values := make([]string, len(columns))
	for i, column := range columns {
		switch column {
		case "id", "asked_hash", "args_hash", "target", "target_name":
			values[i] = column + " || '-' || n"
		case "created_at", "expires_at", "changed_at", "claimed_at", "told_at":
			values[i] = fmt.Sprintf("CASE WHEN %s = 0 THEN 0 ELSE %s - n * CAST(%d AS BIGINT) END", column, column, c.Older.Milliseconds())
		default:
			values[i] = column
		}
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf(`WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < %d)
		INSERT INTO approvals (%s) SELECT %s FROM approvals, many WHERE id = '%s'`,
		c.N, strings.Join(columns, ", "), strings.Join(values, ", "), c.ID))
	return err
}

// row is one of the rows of a change, some minutes before Now.
func row(size Size, minutes int) audit.Row {
	return audit.Row{
		At: size.Now.Add(-time.Duration(minutes) * time.Minute), Actor: size.Actor, Surface: "mcp", Account: size.Account, Token: "laptop",
		Operation: "servers.reboot", Target: fmt.Sprintf("server:%d (web-%d)", minutes%5000, minutes%5000),
		Arguments: json.RawMessage(`{"server":"12345"}`), Approval: fmt.Sprintf("big-ended-%d", minutes), Decision: audit.Allowed, Approver: "alice",
		APIStatus: 202, Outcome: audit.Done,
	}
}

const (
	insertRow = `INSERT INTO audit (seq, at, actor, on_behalf, surface, account, token, operation, target, arguments,
		approval, decision, reason, approver, api_status, outcome, previous, hash)
		VALUES ($1, $2, $3, '', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`
	insertNote = "INSERT INTO audit_checkpoints (seq, at, note) VALUES ($1, $2, $3)"
)

// fillRows appends the first of the rows that are left, in one transaction.
func fillRows(ctx context.Context, db *sql.DB, size Size, left int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	var last audit.Row
	if err := tx.QueryRowContext(ctx, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").Scan(&last.Seq, &last.Hash); err != nil {
		return err
	}
	before, err := newestMark(ctx, tx)
	if err != nil {
		return err
	}
	insert, err := tx.PrepareContext(ctx, insertRow)
	if err != nil {
		return err
	}
	for i := range min(left, rowsAtOnce) {
		next := row(size, (left-i)/rowsPerMinute)
		if i == 0 && before.Seq == 0 && size.Key.Name() != "" {
			next = audit.SignRow(size.Key)
			next.At = row(size, left/rowsPerMinute).At
		}
		next.Seq = last.Seq + 1
		if last, err = audit.Seal(last.Hash, next); err != nil {
			return err
		}
		if err := insertSealed(ctx, insert, last); err != nil {
			return err
		}
		if size.Key.Name() != "" && (before.Seq == 0 || last.Seq-before.Seq == 100) {
			if before, err = signAfter(ctx, tx, size.Key, audit.CheckpointAt(last, before)); err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}

func insertSealed(ctx context.Context, insert *sql.Stmt, r audit.Row) error {
	_, err := insert.ExecContext(ctx, r.Seq, r.At.UnixMilli(), r.Actor, r.Surface, r.Account, r.Token, r.Operation, r.Target, string(r.Arguments),
		r.Approval, string(r.Decision), r.Reason, r.Approver, r.APIStatus, string(r.Outcome), r.Previous, r.Hash)
	return err
}

func newestMark(ctx context.Context, tx *sql.Tx) (audit.Mark, error) {
	rows, err := tx.QueryContext(ctx, "SELECT note FROM audit_checkpoints ORDER BY seq DESC LIMIT 1")
	if err != nil {
		return audit.Mark{}, err
	}
	defer rows.Close()
	var text string
	if !rows.Next() {
		return audit.Mark{}, rows.Err()
	}
	if err := rows.Scan(&text); err != nil {
		return audit.Mark{}, err
	}
	newest, err := audit.ReadCheckpoint(text)
	return newest.Mark(), err
}

func signAfter(ctx context.Context, tx *sql.Tx, key audit.Key, c audit.Checkpoint) (audit.Mark, error) {
	signed, err := key.Sign(c)
	if err != nil {
		return audit.Mark{}, err
	}
	_, err = tx.ExecContext(ctx, insertNote, c.Seq, c.At.UnixMilli(), signed.Text)
	return c.Mark(), err
}
