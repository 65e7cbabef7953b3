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
// before anything is read. A record that needs other people leaves Pending for Approved by
// [Store.Agree] alone.
func (s *Store) Move(ctx context.Context, m approval.Move, row audit.Row) (approval.Record, error) {
	if err := checkMove(m); err != nil {
		return approval.Record{}, err
	}
	// A move that comes too late, as most do where many people press, need not queue for a write slot.
	r, err := s.Record(ctx, m.ID)
	if err != nil {
		return approval.Record{}, err
	}
	if !canStart(r, m) {
		return approval.Record{}, &approval.StateError{Record: r}
	}
	return result(ctx, s.logged, func(ctx context.Context, tx transaction) (approval.Record, error) {
		tx.foresee(func(q queryer) {
			r.ClaimedAt = m.At
			_ = mayClaim(ctx, q, r, m)
			_, _ = hasAnswered(ctx, q, m.ID, m.Consent)
		})
		return moveIn(ctx, tx, m, row)
	})
}

func checkMove(m approval.Move) error {
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

// moveIn moves a record in a transaction that is alone.
func moveIn(ctx context.Context, tx transaction, m approval.Move, row audit.Row) (approval.Record, error) {
	query, args := update(m)
	moved, err := one(ctx, tx, recordFields, query, args...)
	if errors.Is(err, approval.ErrNotFound) {
		return moved, moveError(ctx, tx, m)
	}
	if err != nil {
		return moved, err
	}
	if err := mayClaim(ctx, tx, moved, m); err != nil {
		return moved, err
	}
	seq, err := appendRow(ctx, tx, row)
	if err != nil {
		return moved, err
	}
	return moved, insertConsent(ctx, tx, m.ID, m.Consent, seq)
}

// mayClaim fails if a move is a claim, and a freeze or a limit stops it.
func mayClaim(ctx context.Context, q queryer, r approval.Record, m approval.Move) error {
	if m.To != approval.Executing {
		return nil
	}
	if err := checkFreeze(ctx, q); err != nil {
		return err
	}
	return checkLimits(ctx, q, r, r.ClaimedAt, m.Limits)
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
	if needsConsents(m.To) {
		c.clauses = append(c.clauses, "(state <> 'pending' OR others = 0)")
	}
	if m.To == approval.Executing {
		c.clauses = append(c.clauses, "NOT EXISTS (SELECT 1 FROM approvals h WHERE h.api = approvals.api"+
			" AND h.account = approvals.account AND h.target = approvals.target AND h."+inHolding+")")
	}
	return "UPDATE approvals SET prior = state, " + set + c.where() + " RETURNING " + recordColumns, c.values
}

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
		{"result", (*jsonText)(&m.Result), len(m.Result) > 0},
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

// needsConsents reports whether a move from Pending would do without the consent of others.
func needsConsents(to approval.State) bool {
	return to == approval.Executing || to == approval.Approved
}

func moveError(ctx context.Context, q queryer, m approval.Move) error {
	r, err := recordByID(ctx, q, m.ID)
	if err != nil {
		return err
	}
	if !canStart(r, m) {
		return &approval.StateError{Record: r}
	}
	if m.To == approval.Executing {
		if err := checkFreeze(ctx, q); err != nil {
			return err
		}
		if err := checkTarget(ctx, q, r); err != nil {
			return err
		}
	}
	return errContended
}

func canStart(r approval.Record, m approval.Move) bool {
	return slices.Contains(m.From, r.State) &&
		(m.ArgsHash == "" || m.ArgsHash == r.ArgsHash) &&
		(!m.Live || r.ExpiresAt.After(m.At.Truncate(time.Millisecond))) &&
		(r.State != approval.Pending || r.Others == 0 || !needsConsents(m.To))
}
