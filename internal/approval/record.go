// Package approval has the records of requested changes, the consents to them, and their states.
//
// A [Record] is one requested change. It moves along the edges of one table (states.go); a store makes each move
// in one statement, in one transaction with its row of the audit log, so that a hundred presses of a button run a
// change once, and a crash neither loses nor repeats it.
package approval

import (
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

// Record is one requested change. A Record in memory is a copy; only [Store.Move] changes the stored one.
type Record struct {
	ID        string          // opaque, 128 random bits; buttons and messages carry nothing else of a record
	Operation string          // "servers.delete"
	Risk      string          // as in package permissions
	Input     json.RawMessage // canonical, with names resolved to ids; it runs, and nothing that a client sends later
	AskedHash string          // hash of the input before names were resolved
	ArgsHash  string          // hash of Input

	Actor       string // the requester: "local:alice"
	Surface     string // the stored form of its [Origin]
	Interactive bool   // requested on a real terminal, where a person sits
	Session     string // of the requesting process, which runs the change once it is approved elsewhere; or [ServeSession]
	API         string // base URL of the API: the same account on another API is another account
	Account     string // the account's e-mail address
	TokenName   string // the label of the token it was requested with

	Target      string          // at most one change of it runs at a time: "server:12345", "name:web-3"
	TargetName  string          // its name, for messages; cleaned
	Confirm     string          // the exact text a person must type; empty: a yes is enough
	Card        json.RawMessage // what the person was shown
	Facts       json.RawMessage // canonical object: the facts that the fingerprint covers
	Fingerprint string          // hash of Facts
	Known       json.RawMessage // ids that existed at the request, for the read-back of an operation that creates

	Person    string // the requester as a person: limits count people, and the requester's own consent is never another person's
	Own       bool   // the requester must consent too
	Others    int    // how many other people must consent
	Approvers string // who the others may be, for messages; cleaned
	RequestID string // the caller's idempotency key; empty: none
	Trace     string // the span of the request, in the form of the header traceparent; empty: none

	State      State
	Prior      State // the state before; empty at first
	AnswerMode AnswerMode
	CreatedAt  time.Time
	ExpiresAt  time.Time // from then on no answer and no claim
	ChangedAt  time.Time // of the last move

	Owner       string    // id of the lock of the process that claimed it
	ClaimedAt   time.Time // zero until it was claimed
	Approver    string    // the person who agreed; empty: nobody has, or nobody had to
	APIStatus   int       // HTTP status of the one call; 0: no answer came
	Message     string    // the outcome, in a sentence
	Result      json.RawMessage
	DeliveredAt time.Time // when the outcome was delivered to the requester; zero: not yet
}

// Overdue reports whether the record still waits although its time is over.
func (r Record) Overdue(now time.Time) bool { return r.State.Waits() && !now.Before(r.ExpiresAt) }

// StateAt is the state at a time. What is overdue has expired, also before the store records it.
func (r Record) StateAt(now time.Time) State {
	if !now.IsZero() && r.Overdue(now) {
		return Expired
	}
	return r.State
}

// ByPerson reports whether a person made the request: on a real terminal, or by a command in Slack. All other
// requests are made by a program: an assistant, a script.
func (r Record) ByPerson() bool { return r.Interactive || r.Origin().Surface == "slack" }

// KeptFor is how long an approval is kept after its end, at the least: longer than any limit, pause or promise
// to its requester looks back.
const KeptFor = permissions.LongestBudget

// AnswerMode is how the answer is expected: at the request's own surface while the requester waits, or later from
// any surface.
type AnswerMode string

// The answer modes. An interactive record expires after 5 minutes, an asynchronous one after an hour.
const (
	Interactive AnswerMode = "here"
	Async       AnswerMode = "elsewhere"
)

// Origin is where a record was requested, with the facts that the policy needs later.
type Origin struct {
	Surface  string   // "mcp", "slack", "terminal"
	Channel  string   // id of the Slack channel; slack only
	Remote   bool     // over HTTP; mcp only
	Groups   []string // ids of the Slack user groups that the requester was in at that time; slack only
	External bool     // the requester is of another workspace, and in no group of this one
}

// ServeSession is the session of a record that was requested over HTTP: any process of vpsbot serve runs it.
const ServeSession = "serve"

// remote takes the place of the channel of a request over HTTP.
const remote = "http"

// external takes the place of the groups of a requester of another workspace. No group has this id.
const external = "external"

// String returns the stored form: "slack:C123 S1 S2", "mcp:http".
func (o Origin) String() string {
	channel, groups := o.Channel, strings.Join(o.Groups, " ")
	if o.Remote {
		channel = remote
	}
	if o.External {
		groups = external
	}
	if channel == "" && groups == "" {
		return o.Surface
	}
	return strings.TrimSpace(o.Surface + ":" + channel + " " + groups)
}

// ParseOrigin parses the output of String.
func ParseOrigin(s string) Origin {
	surface, place, _ := strings.Cut(s, ":")
	channel, groups, _ := strings.Cut(place, " ")
	o := Origin{Surface: surface, Channel: channel, External: groups == external}
	if surface == string(permissions.MCP) && channel == remote {
		o.Channel, o.Remote = "", true
	}
	if !o.External {
		o.Groups = strings.Fields(groups)
	}
	return o
}

// Origin returns where the record was requested.
func (r Record) Origin() Origin { return ParseOrigin(r.Surface) }

// The limits of a request id, the idempotency key of a caller.
const (
	RequestIDChars = 128
	RequestIDBytes = 256 // what the store takes
)

// IsRequestID reports whether a text can be a request id: 1 to 128 printable characters.
func IsRequestID(id string) bool {
	odd := func(c rune) bool { return c == utf8.RuneError || !unicode.IsPrint(c) || text.Hidden(c) }
	return id != "" && len(id) <= RequestIDBytes && utf8.RuneCountInString(id) <= RequestIDChars && strings.IndexFunc(id, odd) < 0
}
