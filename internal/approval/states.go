package approval

import (
	"slices"

	"github.com/vpsbot/vpsbot/internal/audit"
)

// State is where a record stands.
type State string

// The states. Pending, Approved, Executing and Unknown are open; the others are ends.
const (
	Pending    State = "pending"     // waits for a person
	Approved   State = "approved"    // a person agreed elsewhere; the asker's side has not run it yet
	Executing  State = "executing"   // claimed: one process makes, or has made, the one call
	Unknown    State = "unknown"     // the call may or may not have happened; a read-back will tell
	Done       State = "done"        // the API accepted it
	Failed     State = "failed"      // the API refused it: nothing changed
	Refused    State = "refused"     // our last check refused it: nothing was sent
	Stale      State = "stale"       // the target changed meanwhile: nothing was sent
	Denied     State = "denied"      // a person said no, or typed another name
	Expired    State = "expired"     // nobody answered in time
	Cancelled  State = "cancelled"   // the asker gave up
	NotApplied State = "not_applied" // read back: the call had no effect
	NeedsHuman State = "needs_human" // the read-back cannot tell; a person must look
)

// Edges is the whole state machine: from each state the states it may move to. The
// database's CHECK constraint holds the same pairs.
var Edges = map[State][]State{
	"":        {Pending, Executing}, // what needs no consent is claimed as it is inserted
	Pending:   {Approved, Executing, Denied, Expired, Cancelled, Stale},
	Approved:  {Executing, Denied, Expired, Cancelled, Stale},
	Executing: {Done, Failed, Unknown, Stale, Refused},
	Unknown:   {Done, NotApplied, NeedsHuman},
}

// Open lists the states in which asking again joins the record.
var Open = []State{Pending, Approved, Executing, Unknown}

// Holding lists the states in which a record keeps every other change off its target.
var Holding = []State{Executing, Unknown}

// Waiting lists the states in which a record waits: for a person, or for its asker's side.
var Waiting = []State{Pending, Approved}

// IsOpen reports whether asking again for the same thing joins a record in this state.
func (s State) IsOpen() bool { return slices.Contains(Open, s) }

// Waits reports whether the record still waits.
func (s State) Waits() bool { return slices.Contains(Waiting, s) }

// May reports whether the state machine has the edge from s to next.
func (s State) May(next State) bool { return slices.Contains(Edges[s], next) }

// Outcome returns what the audit log calls a state in which a call has ended, or may have; "" for the states
// without a call.
func (s State) Outcome() audit.Outcome { return oneOf(s, audit.Outcomes) }

// Decision returns what the audit log calls a move to a state for which nothing was sent; "" for the others.
func (s State) Decision() audit.Decision { return oneOf(s, audit.Decisions) }

func oneOf[T ~string](s State, words []T) T {
	if slices.Contains(words, T(s)) {
		return T(s)
	}
	return ""
}
