package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
)

// errContended is a move that matched nothing although the record, read a moment later,
// would have fitted: on an engine with parallel writers, one came in between.
var errContended = errors.New("store: the approval is being changed by others, try again")

// Move implements [approval.Store]. A step that the state machine does not have is refused
// before anything is read. A person's second answer to the same record fails and changes
// nothing.
func (s *Store) Move(ctx context.Context, m approval.Move, row audit.Row) (approval.Record, error) {
	if err := movable(m); err != nil {
		return approval.Record{}, err
	}
	for attempt := 1; ; attempt++ {
		moved, err := s.moveOnce(ctx, m, row)
		if isDuplicate(err) {
			// The unique index was the last guard; the engine may have given up the
			// transaction with it, so who holds the target is looked up in a new one.
			err = s.inTx(ctx, func(tx transaction) error { return whyNot(ctx, tx, m) })
		}
		if !errors.Is(err, errContended) || attempt == attempts {
			return moved, err
		}
	}
}

func movable(m approval.Move) error {
	if len(m.From) == 0 {
		return errors.New("store: a move has to say where it starts from")
	}
	for _, from := range m.From {
		// A record that does not exist yet is inserted, not moved.
		if from == "" || !from.May(m.To) {
			return fmt.Errorf("store: an approval cannot go from %q to %q", from, m.To)
		}
	}
	if m.At.IsZero() {
		return errors.New("store: a move has to say when")
	}
	return nil
}

func (s *Store) moveOnce(ctx context.Context, m approval.Move, row audit.Row) (moved approval.Record, err error) {
	err = s.inTx(ctx, func(tx transaction) error {
		query, args := update(m)
		moved, err = one(ctx, tx, recordFields, query, args...)
		if errors.Is(err, approval.ErrNotFound) {
			return whyNot(ctx, tx, m)
		}
		if err != nil {
			return err
		}
		seq, err := appendRow(ctx, tx, row)
		if err != nil {
			return err
		}
		return insertConsent(ctx, tx, m, seq)
	})
	if err != nil {
		return approval.Record{}, err
	}
	return moved, nil
}

// update is the one statement that moves a record, or matches nothing.
func update(m approval.Move) (string, []any) {
	c := &conditions{}
	set := assignments(m, &c.params)
	c.clauses = append(c.clauses, "id = "+c.add(m.ID))
	c.states(m.From)
	c.equal("args_hash", m.ArgsHash)
	if m.Live {
		c.at("expires_at", ">", m.At)
	}
	if m.To == approval.Executing {
		c.clauses = append(c.clauses, "NOT EXISTS (SELECT 1 FROM approvals h WHERE h.api = approvals.api"+
			" AND h.account = approvals.account AND h.target = approvals.target AND h."+inHolding+")")
	}
	return "UPDATE approvals SET prior = state, " + set + c.where() + " RETURNING " + recordColumns, c.values
}

// assignments lists the columns that the move sets.
func assignments(m approval.Move, p *params) string {
	claim := m.To == approval.Executing
	columns := []struct {
		name  string
		value any
		set   bool
	}{
		{"state", m.To, true},
		{"changed_at", millis(m.At), true},
		{"claimed_at", millis(m.At), claim},
		{"owner", m.Owner, claim},
		{"api_status", m.APIStatus, m.APIStatus != 0},
		{"message", m.Message, m.Message != ""},
		{"result", jsonText(m.Result), len(m.Result) > 0},
		{"approver", approver(m), approver(m) != ""},
	}
	var list []string
	for _, column := range columns {
		if column.set {
			list = append(list, column.name+" = "+p.add(column.value))
		}
	}
	return strings.Join(list, ", ")
}

func approver(m approval.Move) string {
	if m.Consent != nil && m.Consent.Yes {
		return m.Consent.Person
	}
	return m.Approver
}

// whyNot finds out why a move matched nothing.
func whyNot(ctx context.Context, q queryer, m approval.Move) error {
	r, err := recordByID(ctx, q, m.ID)
	if err != nil {
		return err
	}
	if !starts(r, m) {
		return &approval.StateError{Record: r}
	}
	if m.To == approval.Executing {
		if err := busy(ctx, q, r); err != nil {
			return err
		}
	}
	return errContended
}

// starts reports whether the record, by itself, is where the move starts from.
func starts(r approval.Record, m approval.Move) bool {
	return slices.Contains(m.From, r.State) &&
		(m.ArgsHash == "" || m.ArgsHash == r.ArgsHash) &&
		(!m.Live || r.ExpiresAt.After(m.At.Truncate(time.Millisecond)))
}
