// Package audit is the log of who changed what, who agreed, and what was refused.
//
// Rows are appended in the transaction of what they tell, and chained: each row's hash
// covers the row before, so that a row changed, dropped or swapped later is found.
package audit

import (
	"encoding/json"
	"time"
)

// Row is one line of the log. A caller fills in what happened; the store gives Seq,
// Previous and Hash.
type Row struct {
	Seq       int64           `json:"seq"`
	At        time.Time       `json:"at"`                // UTC, milliseconds
	Actor     string          `json:"actor"`             // who: "local:alice"
	Surface   string          `json:"surface"`           // "mcp", "terminal", "slack"
	Account   string          `json:"account,omitempty"` // e-mail address of the VPS.org account
	Token     string          `json:"token,omitempty"`   // label of the token, never the token
	Operation string          `json:"operation"`
	Target    string          `json:"target,omitempty"`    // "server:12345 (web-server-01)"
	Arguments json.RawMessage `json:"arguments,omitempty"` // canonical JSON
	Approval  string          `json:"approval,omitempty"`
	Decision  Decision        `json:"decision"`
	Reason    string          `json:"reason,omitempty"`   // why, in a sentence
	Approver  string          `json:"approver,omitempty"` // who agreed
	APIStatus int             `json:"api_status,omitempty"`
	Outcome   Outcome         `json:"outcome,omitempty"` // empty: not known yet, or no call was made
	Previous  string          `json:"previous"`          // hash of the row before; the first row has 64 zeros
	Hash      string          `json:"hash"`              // hex SHA-256 over Previous and the row
}

// Decision is what a row decided about a call.
type Decision string

// The decisions.
const (
	Allowed   Decision = "allowed"
	Refused   Decision = "refused"
	Asked     Decision = "asked"
	Approved  Decision = "approved"
	Denied    Decision = "denied"
	Cancelled Decision = "cancelled"
	Expired   Decision = "expired"
	Stale     Decision = "stale"
	Settled   Decision = "settled" // what became of a call was found out later
)

// Decisions lists every decision.
var Decisions = []Decision{Allowed, Refused, Asked, Approved, Denied, Cancelled, Expired, Stale, Settled}

// Outcome is what became of a call.
type Outcome string

// The outcomes.
const (
	Done       Outcome = "done"
	Failed     Outcome = "failed"
	Unknown    Outcome = "unknown"
	NotApplied Outcome = "not_applied"
	NeedsHuman Outcome = "needs_human"
)

// Outcomes lists every outcome.
var Outcomes = []Outcome{Done, Failed, Unknown, NotApplied, NeedsHuman}
