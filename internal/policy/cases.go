package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/vpsbot/vpsbot/permissions"
)

// Want is what a test of a policy expects.
type Want string

// What can be expected. An approval is a second person's: the requester's own consent is
// part of allow.
const (
	WantAllow    Want = "allow"
	WantDeny     Want = "deny"
	WantApproval Want = "approval"
)

// Outcome returns what a decision is to a test.
func Outcome(d permissions.Decision) Want {
	switch {
	case !d.Allowed:
		return WantDeny
	case d.Others > 0:
		return WantApproval
	}
	return WantAllow
}

// Test is one line of the file's own tests section.
type Test struct {
	Line int
	Query
	Want Want
}

// Query is a question in the words of a policy.
type Query struct {
	Who       string // a person, an identity, "*", "slack-external" or "slack-group:S…"
	Where     string // as in a rule
	Operation string
	Server    string // a name or an id; for a create the name asked for; empty: not said
	NewName   string // of a rename
}

func (q Query) String() string {
	on := ""
	if q.Server != "" {
		on = " on " + q.Server
	}
	return fmt.Sprintf("%s%s by %s from %s", q.Operation, on, q.Who, q.Where)
}

func (r *reader) cases(n ast.Node) {
	for _, item := range r.list(n, "tests") {
		t := Test{Line: startOf(item)}
		text := func(name string, to *string, check func(word) bool) key {
			return key{name, name != "server", func(n ast.Node) {
				if w, ok := r.word(n, name); ok && check(w) {
					*to = w.text
				}
			}}
		}
		want := string(t.Want)
		r.mapping(item, "a test", text("who", &t.Who, r.single), text("where", &t.Where, func(w word) bool { _, ok := r.place(w); return ok }),
			text("operation", &t.Operation, r.known), text("server", &t.Server, r.exact), text("want", &want, r.wanted))
		t.Want = Want(want)
		r.tests = append(r.tests, t)
	}
}

// single: a test asks for one person.
func (r *reader) single(w word) bool {
	if slices.Contains(r.names.groups, w.text) {
		r.bad(w.line, "%s is a group; a test asks for one person: write one of its people", w.text)
		return false
	}
	_, ok := r.party(w)
	return ok
}

func (r *reader) known(w word) bool {
	if strings.ContainsAny(w.text, "*?") {
		r.bad(w.line, "%q is a glob; a test asks for one operation: write its name", w.text)
		return false
	}
	_, ok := r.operation(w)
	return ok
}

func (r *reader) exact(w word) bool {
	if strings.ContainsAny(w.text, "*?") {
		r.bad(w.line, "%q is a glob; a test asks for one server: write its name or its id", w.text)
		return false
	}
	return true
}

func (r *reader) wanted(w word) bool {
	if slices.Contains([]Want{WantAllow, WantDeny, WantApproval}, Want(w.text)) {
		return true
	}
	r.bad(w.line, "%q cannot be wanted; write allow, deny or approval", w.text)
	return false
}

// Failure is a test that found something else.
type Failure struct {
	Test
	Ask      permissions.Ask
	Decision permissions.Decision
}

func (f Failure) String() string {
	text := fmt.Sprintf("line %d: %s: wanted %s, got %s", f.Line, f.Query, f.Want, Outcome(f.Decision))
	if f.Decision.Rule != "" {
		text += fmt.Sprintf(" by the rule %q", f.Decision.Rule)
	}
	if f.Decision.Reason != "" {
		text += ": " + f.Decision.Reason
	}
	return text
}

// RunTests runs the file's own tests and returns those that failed. A person with several
// identities at a place must fare as wanted with each.
func (d Document) RunTests() (failures []Failure) {
	for _, t := range d.Tests {
		asks, _ := d.Asks(t.Query) // what could be wrong with it was found by Load
		for _, ask := range asks {
			if decision := (permissions.Policy{Book: d.Book}).Decide(ask); Outcome(decision) != t.Want {
				failures = append(failures, Failure{t, ask, decision})
				break
			}
		}
	}
	return failures
}
