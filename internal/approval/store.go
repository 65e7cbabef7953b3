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

// Store keeps records. Each method is one transaction; one with an audit row appends the row in the same
// transaction, so that nothing happens without its row.
type Store interface {
	audit.Store
	// Insert stores a new record in state Pending or Executing. While an open record of
	// the same actor, API, account, operation and ArgsHash exists, nothing is stored and
	// that one is returned with joined true. An Executing record whose target is held
	// fails with *BusyError.
	Insert(ctx context.Context, r Record, limits []Limit, row audit.Row) (stored Record, joined bool, err error)
	// Move moves a record along one edge, or fails with *StateError, *BusyError or ErrNotFound and changes
	// nothing.
	Move(ctx context.Context, m Move, row audit.Row) (Record, error)
	// Agree stores a person's yes to a pending record, and moves the record to Approved if
	// no other consent is [Missing]. It fails with *StateError as Move does, and with *AnsweredError for a second
	// answer of one person; then nothing has changed.
	Agree(ctx context.Context, id string, c Consent, row audit.Row) (Record, error)
	// Record returns one record, or ErrNotFound.
	Record(ctx context.Context, id string) (Record, error)
	// Requested returns the record of an actor's request id that was used within 24 hours before now, or
	// ErrNotFound. The operation and its input are not compared.
	Requested(ctx context.Context, api, account, actor, requestID string, now time.Time) (Record, error)
	// Find returns the matching records, newest first.
	Find(ctx context.Context, q Query) ([]Record, error)
	// Unsettled returns the records of an account that hold their target, and those that are overdue, up to 10,000.
	Unsettled(ctx context.Context, api, account string, now time.Time) ([]Unsettled, error)
	// Room fails with *LimitError if a claim of the record now would exceed a limit.
	Room(ctx context.Context, r Record, limits []Limit, now time.Time) error
	// Consents returns the answers to a record, oldest first.
	Consents(ctx context.Context, id string) ([]Consent, error)
	// Escalate makes a pending record answerable from any surface until expires.
	Escalate(ctx context.Context, id string, expires time.Time) error
	// MarkDelivered notes that the outcome is delivered to the requester. It reports whether this call was the
	// first: only the first may deliver it.
	MarkDelivered(ctx context.Context, id string, at time.Time) (first bool, err error)
	// IssueChallenge stores a challenge before its question is put.
	IssueChallenge(ctx context.Context, f Challenge) error
	// ConsumeChallenge ends a challenge and returns it. It fails with ErrNotFound for a hash that was not issued to
	// this session, was used before, or has expired.
	ConsumeChallenge(ctx context.Context, hash, session string, now time.Time) (Challenge, error)
	// Freeze stops every claim, of every process, until Unfreeze; both write their row.
	// A second freeze replaces the reason; Unfreeze without a freeze is no error.
	Freeze(ctx context.Context, f Freeze, row audit.Row) error
	Unfreeze(ctx context.Context, row audit.Row) error
	// Frozen returns the freeze in force, or nil.
	Frozen(ctx context.Context) (*Freeze, error)
	// Hold returns the lock that shows other processes that this one exists: claims name its id.
	Hold(ctx context.Context) (liveness.Lock, error)
	// Holder reports whether the process that claimed something under an id still exists.
	Holder(ctx context.Context, id string) (liveness.State, error)
	// Note appends a row that belongs to no move: a refusal, an answer that does not count. Equal refusals within
	// a minute after one are only counted; their number becomes a row later.
	Note(ctx context.Context, row audit.Row) error
}

// Move is one step of a record along an edge.
type Move struct {
	ID       string
	From     []State   // the states in which it applies
	To       State     // an edge from each of From
	At       time.Time // becomes ChangedAt, and ClaimedAt for a claim
	Live     bool      // only while ExpiresAt is after At
	ArgsHash string    // if set, only if the record has the same
	Owner    string    // for a claim: the id of the claiming process's lock
	Limits   []Limit   // for a claim
	Consent  *Consent  // stored with the move; its Person becomes Approver on a yes

	APIStatus int // these four replace those of the record if they are not zero
	Message   string
	Result    json.RawMessage
	Approver  string
}

// Limit bounds the number of changes that are claimed within a time. The claim's own transaction counts the records
// of the same API and account.
type Limit struct {
	Name   string // "deletions", for the message
	Suffix string // counts operations with this suffix: ".delete"; empty: any
	Risk   string // counts records of this risk; empty: any
	Person string // counts the requests of this person, by whatever identity; empty: of everybody
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
	IDs         []string
	Hashes      []string  // one of them is AskedHash or ArgsHash
	Undelivered bool      // DeliveredAt is zero
	IDPrefix    string    // of ids of lower-case letters and digits, which are then in the order of ids
	Since       time.Time // ChangedAt at or after; then what changed last comes first
	Limit       int       // 0: 1000
}

// Unsettled is the part of a record that decides whether there is anything to settle.
type Unsettled struct {
	ID        string
	State     State
	Owner     string
	ClaimedAt time.Time
}

// ErrNotFound is returned for a record or a challenge that does not exist.
var ErrNotFound = errors.New("no such approval")

// StateError is for a record that was not in a state from which the move starts, had expired, or had other
// arguments. Record is its present content.
type StateError struct{ Record Record }

func (e *StateError) Error() string {
	return fmt.Sprintf("approval %s is %s", e.Record.ID, e.Record.State)
}

// BusyError is for a target that another change holds: Holder.
type BusyError struct{ Holder Record }

func (e *BusyError) Error() string {
	return fmt.Sprintf("%s of %s is %s (approval %s)", e.Holder.Operation, e.Holder.TargetName, e.Holder.State, e.Holder.ID)
}

// LimitError is for a claim, or a question, that would exceed a limit. From Until on it would not.
type LimitError struct {
	Limit Limit
	Until time.Time
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: at most %d in %s", e.Limit.Name, e.Limit.Most, e.Limit.Within)
}

// FrozenError is for a claim during a freeze.
type FrozenError struct{ Freeze Freeze }

func (e *FrozenError) Error() string { return "all changes are frozen by " + e.Freeze.By }

// PausedError is for a request that a person denied a short time ago.
type PausedError struct {
	Record Record
	Until  time.Time
}

func (e *PausedError) Error() string { return "a person said no to the same request" }

// RequestError is for a request id that was used before, for another request.
type RequestError struct{ Record Record }

func (e *RequestError) Error() string { return "the request id was used before" }

// AnsweredError is for a second answer of a person to a record.
type AnsweredError struct{ Person string }

func (e *AnsweredError) Error() string { return e.Person + " has answered before" }
