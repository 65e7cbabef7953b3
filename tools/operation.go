// Package tools is the catalogue: every operation of vpsbot, one file each, and what an operation is.
// internal/runner runs them.
//
// An operation is one value. The MCP tool, the Slack command, the terminal command, the
// confirmation card, the reference page and the audit line all derive from it.
package tools

import (
	"context"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
)

// Meta is what an operation says about itself, whatever its input and output.
type Meta struct {
	Name        string            // "servers.reboot": resource.action
	Title       string            // a few words for a menu; of a change also what it does to "a " and the resource's name
	Past        string            // what it has done, with %s for the target: "rebooted %s"; needed unless Risk is Read
	Description string            // what it does and what it costs, for a person and for a model; short
	Request     string            // "POST /servers/{id}/reboot/"
	Needs       permissions.Needs // any one is enough; none: any valid token
	Risk        permissions.Risk
	Resource    *Resource
	Undo        string // the operation that takes it back, if there is one
	Goal        string // the status that it brings a server into, if any: a server that is in it leaves nothing to do

	CandidatesNeed permissions.Permission // to read the Candidates of an operation that creates
}

// InputError is a mistake in what was asked: nothing was sent.
type InputError struct{ Text string }

func (e *InputError) Error() string { return e.Text }

// Refusal is a no of ours: nothing was sent but what had to be read.
type Refusal struct{ Text string }

func (e *Refusal) Error() string { return e.Text }

// Operation is one thing that can be done with a VPS.org account. In and Out are its
// input and its result; their fields and tags make the schemas, flags and forms.
type Operation[In, Out any] struct {
	Meta

	// Effect says in one sentence what will happen, for the card. Needed unless Risk is Read.
	Effect func(Target, In) string
	// Warn adds warnings to the card. It may be nil.
	Warn func(Target, In) []string
	// RiskFor returns the risk of this very input where it is more than Risk. It may be nil.
	RiskFor func(Target, In) permissions.Risk
	// Examples are inputs for the documentation and the tests; at least one.
	Examples []In
	// Check refuses inputs that no single field's rule can judge. It may be nil.
	Check func(In) error
	// PreCheck refuses, before anybody is asked, what the target as it was read shows to be a mistake. It may be nil.
	PreCheck func(Target, In) error
	// Call makes the one request of the operation.
	Call func(context.Context, *apiclient.Client, Target, In) (Out, error)
	// Candidates lists what looks like the thing that it creates. It is read before the call, and
	// again if its answer was lost: what has a new id is the effect.
	Candidates func(context.Context, *apiclient.Client, Target, In) ([]Out, error)
	// Evidence reads back whether a call whose answer was lost has happened. Needed
	// unless Risk is Read or Candidates is set.
	Evidence func(context.Context, *apiclient.Client, Target, In) (Evidence, error)
	// Follow reads the result as it is by now, its status among it. nil: the work is over
	// when Call returns, and there is nothing to wait for.
	Follow func(context.Context, *apiclient.Client, Target, Out) (Out, error)
	// PostCheck adds a sentence to a result, given the time, or refuses it. It may be nil.
	PostCheck func(Out, time.Time) (says string, refused error)

	view View // of a list; set by Listed
}

func exampleID(text string) apiclient.ID {
	id, err := apiclient.ParseID(text)
	if err != nil {
		panic(err)
	}
	return id
}

// Evidence is what a read-back found.
type Evidence string

// What a read-back can find.
const (
	Applied Evidence = "applied"  // it has happened
	NotSeen Evidence = "not_seen" // no sign of it; if a minute brings none, it did not happen
	Unclear Evidence = "unclear"  // reading cannot tell
)
