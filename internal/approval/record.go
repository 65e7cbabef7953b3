// Package approval keeps what was asked, who agreed, and what became of it.
//
// A Record is one change that somebody asked for. It moves along the edges of one
// table (states.go); a store carries each move out in one statement, together with
// its row of the audit log, so that a hundred presses run a change once and a crash
// neither loses nor repeats it.
package approval

import (
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/vpsbot/vpsbot/internal/text"
)

// Record is one change that was asked for. The store owns it: a Record in memory is
// a copy, and only [Store.Move] changes the original.
type Record struct {
	ID        string          // opaque, 128 random bits; all that a button or a message may carry
	Operation string          // "servers.delete"
	Risk      string          // as in package permissions
	Input     json.RawMessage // canonical, with names resolved to ids; what runs is this and nothing a client sends later
	AskedHash string          // hash of the input as it was asked, before names were resolved
	ArgsHash  string          // hash of Input

	Actor       string // who asked: "local:alice"
	Surface     string // where: "mcp", "terminal", "slack"
	Interactive bool   // it was asked on a real terminal, where a person sits
	Session     string // the asking process's own session; it runs what is approved elsewhere
	API         string // base URL of the API: the same account on another API is another account
	Account     string // the account's e-mail address
	TokenName   string // the label of the token it was asked with

	Target      string          // what may have one change at a time: "server:12345", "name:web-3"
	TargetName  string          // as it is called, for messages; cleaned
	Confirm     string          // the exact text a person must type; empty: a yes is enough
	Card        json.RawMessage // what the person was shown
	Facts       json.RawMessage // canonical object of what the fingerprint covers
	Fingerprint string          // hash of Facts
	Known       json.RawMessage // ids that existed when it was asked, for the read-back of what creates

	Person    string // the requester as a person: limits count people, and their own consent is never another's
	Own       bool   // the requester must consent too
	Others    int    // how many other people must consent
	Approvers string // who they may be, for messages; cleaned
	RequestID string // the caller's idempotency key; empty: none

	State      State
	Prior      State // the state before; empty at first
	AnswerMode AnswerMode
	CreatedAt  time.Time
	ExpiresAt  time.Time // no answer and no claim from then on
	ChangedAt  time.Time // of the last move

	Owner       string    // id of the lock of the process that claimed it
	ClaimedAt   time.Time // zero until it was claimed
	Approver    string    // who agreed; empty while nobody has, or where nobody had to
	APIStatus   int       // HTTP status of the one call; 0: none was seen
	Message     string    // what became of it, in a sentence
	Result      json.RawMessage
	DeliveredAt time.Time // when the asker was told the end; zero: not yet
}

// Overdue reports whether the record still waits although its time is over.
func (r Record) Overdue(now time.Time) bool { return r.State.Waits() && !now.Before(r.ExpiresAt) }

// ByPerson reports whether a person asked by their own hand: on a real terminal, or by a command
// in Slack. All else was asked by a machine: an assistant, a script.
func (r Record) ByPerson() bool { return r.Interactive || r.Origin().Surface == "slack" }

// AnswerMode says where the answer is expected.
type AnswerMode string

// The places. Asked and answered in one place a record lives 5 minutes, else an hour.
const (
	Interactive AnswerMode = "here"
	Async       AnswerMode = "elsewhere"
)

// Consent is one person's yes or no. A person counts once a record, by whatever
// identity they answered.
type Consent struct {
	Person   string // whom the answer counts for; without a policy the same as Identity
	Identity string // who answered: "local:alice"
	Channel  string // "mcp", "terminal", "slack"
	Delegate bool   // a yes for a requester whom nobody can ask where it was given
	Yes      bool
	Reason   string
	At       time.Time
	Groups   []string // ids of the Slack user groups the answerer was in then; slack only
}

// Challenge is one question that was put to one session. The client gets a nonce, the
// store its hash: an answer counts only if the store knows that it was asked.
type Challenge struct {
	Hash      string // SHA-256 of the nonce, hex
	Approval  string
	Session   string
	AskedAt   time.Time
	ExpiresAt time.Time
}

// The limits of a request id, the idempotency key of a caller.
const (
	RequestIDChars = 128
	RequestIDBytes = 256 // what the store takes
)

// IsRequestID reports whether a caller may name its request so: in 1 to 128 printable characters.
func IsRequestID(id string) bool {
	odd := func(c rune) bool { return c == utf8.RuneError || !unicode.IsPrint(c) || text.Hidden(c) }
	return id != "" && len(id) <= RequestIDBytes && utf8.RuneCountInString(id) <= RequestIDChars && strings.IndexFunc(id, odd) < 0
}
