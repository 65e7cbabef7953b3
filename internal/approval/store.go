package approval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/vpsbot/vpsbot/internal/audit"
)

// Store keeps records. Each method is one transaction; those that take an audit row
// append it in the same one, so that nothing happens without its row.
type Store interface {
	// Insert stores a new record in state Pending or Executing. While an open record of
	// the same actor, API, account, operation and ArgsHash exists, nothing is stored and
	// that one is returned with joined true. An Executing record whose target is held
	// fails with *BusyError.
	Insert(ctx context.Context, r Record, row audit.Row) (stored Record, joined bool, err error)
	// Move takes a record along one edge, or fails with *StateError, *BusyError or
	// ErrNotFound and changes nothing.
	Move(ctx context.Context, m Move, row audit.Row) (Record, error)
	// Record returns one record, or ErrNotFound.
	Record(ctx context.Context, id string) (Record, error)
	// Find returns the records that match, newest first.
	Find(ctx context.Context, q Query) ([]Record, error)
	// Consents returns the answers given to a record, oldest first.
	Consents(ctx context.Context, id string) ([]Consent, error)
	// Handover makes a pending record answerable elsewhere until expires.
	Handover(ctx context.Context, id string, expires time.Time) error
	// Told notes that the asker was told the end. It reports whether this call was the
	// first: only that one may tell it.
	Told(ctx context.Context, id string, at time.Time) (first bool, err error)
	// AskForm remembers a question that is about to be put.
	AskForm(ctx context.Context, f Form) error
	// TakeForm uses a question up. It fails with ErrNotFound for a hash that was never
	// asked of this session, was used before, or has expired.
	TakeForm(ctx context.Context, hash, session string, now time.Time) (Form, error)
	// Note appends a row that belongs to no move: a refusal, an answer that was not taken.
	Note(ctx context.Context, row audit.Row) error
}

// Move is one step of a record.
type Move struct {
	ID       string
	From     []State   // the states it may be in now
	To       State     // an edge from each of From
	At       time.Time // when; becomes ChangedAt, and ClaimedAt for a claim
	Live     bool      // only while ExpiresAt is after At
	ArgsHash string    // if set, only if the record's is the same
	Owner    string    // for a claim: the claiming process
	Consent  *Consent  // stored with the move; its Person becomes Approver on a yes

	APIStatus int // these four replace what the record has if they are not zero
	Message   string
	Result    json.RawMessage
	Approver  string
}

// Query selects records. Zero fields select everything.
type Query struct {
	States    []State
	Actor     string
	API       string
	Account   string
	Operation string
	Hash      string // matches AskedHash or ArgsHash
	Target    string
	Session   string
	Untold    bool      // ToldAt is zero
	Since     time.Time // ChangedAt at or after
	Limit     int       // 0: 1000
}

// ErrNotFound is returned for a record or a form that does not exist.
var ErrNotFound = errors.New("no such approval")

// StateError says that a record was not in a state the move starts from, had expired,
// or had other arguments. Record is how it stands.
type StateError struct{ Record Record }

func (e *StateError) Error() string {
	return fmt.Sprintf("approval %s is %s", e.Record.ID, e.Record.State)
}

// BusyError says that another change holds the target. Holder is that change.
type BusyError struct{ Holder Record }

func (e *BusyError) Error() string {
	return fmt.Sprintf("%s of %s is %s (approval %s)", e.Holder.Operation, e.Holder.TargetName, e.Holder.State, e.Holder.ID)
}
