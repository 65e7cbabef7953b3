package approval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/liveness"
)

// Store keeps records. Each method is one transaction; those that take an audit row
// append it in the same one, so that nothing happens without its row.
type Store interface {
	// Insert stores a new record in state Pending or Executing. While an open record of
	// the same actor, API, account, operation and ArgsHash exists, nothing is stored and
	// that one is returned with joined true. An Executing record whose target is held
	// fails with *BusyError.
	Insert(ctx context.Context, r Record, limits []Limit, row audit.Row) (stored Record, joined bool, err error)
	// Move takes a record along one edge, or fails with *StateError, *BusyError or
	// ErrNotFound and changes nothing.
	Move(ctx context.Context, m Move, row audit.Row) (Record, error)
	// Agree stores a person's yes to a pending record, and moves the record to Approved if
	// nothing more is needed: the requester's own yes where Own says so, and those of Others
	// other people. It fails with *StateError as Move does, and with *AnsweredError for a
	// second answer of one person; then nothing has changed.
	Agree(ctx context.Context, id string, c Consent, row audit.Row) (Record, error)
	// Record returns one record, or ErrNotFound.
	Record(ctx context.Context, id string) (Record, error)
	// Requested returns the record that a request id of that actor stands for, if it was given
	// within 24 hours before now, or ErrNotFound. What was asked with it is not compared.
	Requested(ctx context.Context, api, account, actor, requestID string, now time.Time) (Record, error)
	// Find returns the records that match, newest first.
	Find(ctx context.Context, q Query) ([]Record, error)
	// Room fails with *LimitError if claiming the record now would be more than a limit allows.
	Room(ctx context.Context, r Record, limits []Limit, now time.Time) error
	// Consents returns the answers given to a record, oldest first.
	Consents(ctx context.Context, id string) ([]Consent, error)
	// Escalate makes a pending record answerable elsewhere until expires.
	Escalate(ctx context.Context, id string, expires time.Time) error
	// MarkDelivered notes that the asker was told the end. It reports whether this call was the
	// first: only that one may tell it.
	MarkDelivered(ctx context.Context, id string, at time.Time) (first bool, err error)
	// IssueChallenge remembers a question that is about to be put.
	IssueChallenge(ctx context.Context, f Challenge) error
	// ConsumeChallenge uses a question up. It fails with ErrNotFound for a hash that was never
	// asked of this session, was used before, or has expired.
	ConsumeChallenge(ctx context.Context, hash, session string, now time.Time) (Challenge, error)
	// Freeze stops every claim, of every process, until Unfreeze; both write their row.
	// Freezing what is frozen replaces the reason; unfreezing what is not is no error.
	Freeze(ctx context.Context, f Freeze, row audit.Row) error
	Unfreeze(ctx context.Context, row audit.Row) error
	// Frozen returns the freeze in force, or nil.
	Frozen(ctx context.Context) (*Freeze, error)
	// Hold returns the lock that shows others that this process exists: claims name its id.
	Hold(ctx context.Context) (liveness.Lock, error)
	// Holder reports what is known of the process that claimed something under an id.
	Holder(ctx context.Context, id string) (liveness.State, error)
	// Note appends a row that belongs to no move: a refusal, an answer that was not taken. Like
	// refusals within a minute after one are only counted; their number becomes a row later.
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
	Owner    string    // for a claim: the id of the claiming process's lock
	Limits   []Limit   // for a claim: how much may be claimed
	Consent  *Consent  // stored with the move; its Person becomes Approver on a yes

	APIStatus int // these four replace what the record has if they are not zero
	Message   string
	Result    json.RawMessage
	Approver  string
}

// Limit bounds how many changes are claimed within a time. It is counted in the claim's own
// transaction, over the records of the same API and account.
type Limit struct {
	Name   string // "deletions", for the message
	Suffix string // counts operations whose name ends so: ".delete"; empty: any
	Risk   string // counts records of this risk; empty: any
	Person string // counts this person's alone, by whatever identity they asked; empty: everybody's
	Most   int
	Within time.Duration
}

// Freeze is a stop of all changes.
type Freeze struct {
	By     string
	Reason string
	At     time.Time
}

// Query selects records. Zero fields select everything.
type Query struct {
	States      []State
	Actor       string
	API         string
	Account     string
	Operation   string
	Hash        string // matches AskedHash or ArgsHash
	Target      string
	Session     string
	Undelivered bool      // DeliveredAt is zero
	Since       time.Time // ChangedAt at or after
	Limit       int       // 0: 1000
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

// LimitError says that a claim, or a question, would exceed a limit. Until is when there is
// room again.
type LimitError struct {
	Limit Limit
	Until time.Time
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: at most %d in %s", e.Limit.Name, e.Limit.Most, e.Limit.Within)
}

// FrozenError says that all changes are stopped.
type FrozenError struct{ Freeze Freeze }

func (e *FrozenError) Error() string { return "all changes are frozen by " + e.Freeze.By }

// PausedError says that a person said no to the same request a short time ago.
type PausedError struct {
	Record Record
	Until  time.Time
}

func (e *PausedError) Error() string { return "a person said no to the same request" }

// RequestError says that a request id was used before, for something else.
type RequestError struct{ Record Record }

func (e *RequestError) Error() string { return "the request id was used before" }

// AnsweredError says that a person has answered a record before.
type AnsweredError struct{ Person string }

func (e *AnsweredError) Error() string { return e.Person + " has answered before" }
