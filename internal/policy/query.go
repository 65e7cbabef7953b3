package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/permissions"
)

// Want is what a test of a policy expects.
type Want string

// The expectations. WantApproval is a second person's: the requester's own consent is part of WantAllow.
const (
	WantAllow    Want = "allow"
	WantDeny     Want = "deny"
	WantApproval Want = "approval"
)

// Outcome returns which expectation a decision meets.
func Outcome(d permissions.Decision) Want {
	switch {
	case !d.Allowed:
		return WantDeny
	case d.Others > 0:
		return WantApproval
	}
	return WantAllow
}

// Test is one entry of the file's tests section.
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
	Server    string // a name or an id; for a create the requested name; empty: not given
	NewName   string // of a rename
}

func (q Query) String() string {
	on := ""
	if q.Server != "" {
		on = " on " + q.Server
	}
	return fmt.Sprintf("%s%s by %s from %s", q.Operation, on, q.Who, q.Where)
}

func (v *validator) policyTests() {
	for _, m := range v.file.Tests {
		f := m.fields
		for _, field := range []struct {
			name     string
			word     word
			validate func(word)
		}{
			{"who", f.Who, v.singlePrincipal}, {"where", f.Where, func(w word) { v.place(w) }},
			{"operation", f.Operation, v.singleOperation}, {"want", f.Want, v.want},
		} {
			if v.require(m.line, "a test", field.name, field.word.isWritten()) {
				field.validate(field.word)
			}
		}
		if isGlob(f.Server.text) {
			v.errorf(f.Server.line, "%q is a glob; a test asks for one server: write its name or its id", f.Server.text)
		}
		v.Tests = append(v.Tests, Test{m.line, Query{Who: f.Who.text, Where: f.Where.text, Operation: f.Operation.text, Server: f.Server.text}, Want(f.Want.text)})
	}
}

func (v *validator) singlePrincipal(w word) {
	if slices.Contains(v.groups, w.text) {
		v.errorf(w.line, "%s is a group; a test asks for one person: write one of its people", w.text)
		return
	}
	v.principal(w)
}

func (v *validator) singleOperation(w word) {
	if isGlob(w.text) {
		v.errorf(w.line, "%q is a glob; a test asks for one operation: write its name", w.text)
		return
	}
	v.operationGlob(w)
}

func (v *validator) want(w word) {
	if !slices.Contains([]Want{WantAllow, WantDeny, WantApproval}, Want(w.text)) {
		v.errorf(w.line, "%q cannot be wanted; write allow, deny or approval", w.text)
	}
}

// Asks translates a query into what the policy decides on: one ask for each identity that a person has at
// the place, or one for the person itself where there is no identity.
func (d Document) Asks(q Query) ([]permissions.Ask, error) {
	v := &validator{Document: d}
	v.Warnings = nil // those of the file stay as they are
	v.singlePrincipal(word{q.Who, 1})
	v.place(word{q.Where, 1})
	v.singleOperation(word{q.Operation, 1})
	if len(v.problems) > 0 {
		return nil, errors.New(v.problems[0].Text) // without its line: a query is no file
	}
	surface, channel, _ := strings.Cut(q.Where, ":")
	operation := d.operations[slices.IndexFunc(d.operations, func(op Operation) bool { return op.Name == q.Operation })]
	target := &permissions.TargetServer{Name: q.Server}
	switch {
	case !operation.OnServer:
		target = &permissions.TargetServer{}
	case q.Server == "":
		target = nil // not known
	case permissions.ServerPattern(q.Server).IsID():
		target = &permissions.TargetServer{ID: q.Server}
	}
	return d.asksOf(q.Who, permissions.Ask{
		Surface: permissions.Surface(surface), Channel: channel, Operation: q.Operation, NewName: q.NewName, Risk: operation.Risk, Target: target,
	}), nil
}

func (d Document) asksOf(who string, ask permissions.Ask) (asks []permissions.Ask) {
	ask.Actor = permissions.Actor(who)
	group, isGroup := strings.CutPrefix(who, "slack-group:")
	if isGroup && ask.Surface == permissions.Slack { // on other surfaces the members of Slack's groups are not known
		ask.Groups = []string{group}
	}
	ask.External = who == string(permissions.External)
	if isGroup || ask.External || who == string(permissions.Everybody) {
		ask.Actor = unlistedAt(ask.Surface)
	}
	for _, identity := range identitiesOf(d.Book, who, ask.Surface) {
		ask.Actor = identity
		asks = append(asks, ask)
	}
	if asks == nil {
		return []permissions.Ask{ask}
	}
	return asks
}

// unlistedAt is the identity of somebody whom no rule names: no Slack id and no key has this form.
func unlistedAt(surface permissions.Surface) permissions.Actor {
	const somebody = "(somebody)"
	if surface == permissions.Slack {
		return permissions.SlackUser(somebody)
	}
	return permissions.Key(somebody)
}

func identitiesOf(book *permissions.Rulebook, person string, surface permissions.Surface) (found []permissions.Actor) {
	for _, p := range book.People {
		for _, identity := range p.Identities {
			if p.ID == person && isUsedAt(identity, surface) {
				found = append(found, identity)
			}
		}
	}
	return found
}

// isUsedAt reports whether an identity can ask at a surface: Slack users in Slack, keys and users of a
// machine elsewhere.
func isUsedAt(identity permissions.Actor, surface permissions.Surface) bool {
	return strings.HasPrefix(string(identity), "slack:") == (surface == permissions.Slack)
}

// Failure is a test that got another outcome.
type Failure struct {
	Test
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

// RunTests runs the file's own tests and returns the failed ones. A person with several identities at a
// place must get the wanted outcome with each.
func (d Document) RunTests() (failures []Failure) {
	for _, t := range d.Tests {
		asks, _ := d.Asks(t.Query) // Load has validated the query
		for _, ask := range asks {
			if decision := (permissions.Policy{Book: d.Book}).Decide(ask); Outcome(decision) != t.Want {
				failures = append(failures, Failure{t, decision})
				break
			}
		}
	}
	return failures
}
