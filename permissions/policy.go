package permissions

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Policy is what this installation allows, whatever the token allows. Its zero value allows a person at a terminal
// or an editor all that the token allows. It is a pure value: a decision reads no file and no clock.
type Policy struct {
	ReadOnly   bool      // only read operations exist
	Operations []string  // globs over operation names; empty: all of them
	Book       *Rulebook // what the policy file says; nil: there is no policy file

	// OneUser is set where the users of this machine cannot be told apart, as in a user namespace, whose
	// maker may be any user in it: every local identity is the same person.
	OneUser bool
}

// ApprovalsChannel is the Slack channel in which approvers are asked; "" if the policy names none.
func (p Policy) ApprovalsChannel() string {
	if p.Book == nil {
		return ""
	}
	return p.Book.Slack.Approvals
}

// Check fails for the first malformed glob of Operations.
func (p Policy) Check() error {
	for _, glob := range p.Operations {
		if _, err := path.Match(glob, ""); err != nil {
			return fmt.Errorf("%q is not a glob over operation names such as servers.*", glob)
		}
	}
	return nil
}

// Decide decides on an ask, and refuses what it does not know. Without a target it allows what could be allowed on
// some server, with the demands that hold on all servers: what it refuses is never allowed. Before anything runs it
// must be asked with the target.
func (p Policy) Decide(ask Ask) Decision {
	if reason := p.denyReason(ask); reason != "" {
		return Decision{Risk: ask.Risk, Reason: reason}
	}
	if p.Book != nil {
		said := ask.Actor
		ask.Actor = p.identity(said)
		d := p.Book.decide(ask)
		if !d.Allowed && ask.Actor == anyLocal {
			d.Reason = strings.ReplaceAll(d.Reason, string(anyLocal), string(said)) +
				"; in a user namespace the users of a machine cannot be told apart: an access key says who you are"
		}
		return d
	}
	if ask.Surface == Slack && ask.Risk != Read {
		return Decision{Risk: ask.Risk, Reason: "without a policy file nobody may change anything from Slack"}
	}
	if ask.Remote && ask.Risk != Read {
		return Decision{Risk: ask.Risk, Reason: "without a policy file nobody may change anything over HTTP; whoever runs vpsbot sets VPSBOT_POLICY_FILE"}
	}
	if ask.External {
		return Decision{Risk: ask.Risk, Reason: "without a policy file it is only for people of this workspace"}
	}
	return Decision{Allowed: true, Risk: ask.inputRisk(), Own: ask.inputRisk().NeedsConsent()}
}

// AllowedOn decides an ask about any number of servers: it returns whether [Policy.Decide] allows the ask with a
// server as its target. What does not depend on the server is decided once, here.
func (p Policy) AllowedOn(ask Ask) func(TargetServer) bool {
	if p.Book == nil || ask.Creates || ask.NewName != "" || p.denyReason(ask) != "" {
		return func(t TargetServer) bool {
			on := ask
			on.Target = &t
			return p.Decide(on).Allowed
		}
	}
	ask.Actor, ask.Target = p.identity(ask.Actor), nil
	m := p.Book.evaluate(ask)
	rules := p.Book.matchingRules(m)
	denied := patternsOf(rules, func(r Rule) bool { return r.Effect == Deny })
	allowed := patternsOf(rules, func(r Rule) bool { return r.Effect == Allow })
	mayAsk := func(t TargetServer) bool { return allowed.matches(t, false) && !denied.matches(t, true) }
	if m.subject.person != "" {
		return mayAsk
	}
	// Nobody else is asked for the sake of an identity that belongs to no person.
	shared := patternsOf(rules, func(r Rule) bool { return r.Effect == Allow && r.Approvers != nil && r.Approvers.Count > 0 })
	var protected patternSet
	if p.Book.Protected != nil && m.risk.NeedsConsent() && m.risk != Billable {
		protected.add(p.Book.Protected)
	}
	return func(t TargetServer) bool {
		return mayAsk(t) && !shared.matches(t, false) && !protected.matches(t, true)
	}
}

// DependsOnServer reports whether [Policy.Decide] may allow an ask about one server and not about another. False is
// certain, so that a server need not be read for its name.
func (p Policy) DependsOnServer(ask Ask) bool {
	if p.Book == nil {
		return false
	}
	ask.Actor, ask.Target = p.identity(ask.Actor), nil
	m := p.Book.evaluate(ask)
	return ask.NewName != "" || p.Book.Protected != nil && m.risk.NeedsConsent() ||
		slices.ContainsFunc(p.Book.matchingRules(m), func(r Rule) bool { return !r.isAboutAll() })
}

// denyReason returns why the ask is refused whatever the rules say; "" if it is not.
func (p Policy) denyReason(ask Ask) string {
	switch {
	case ask.Actor == "":
		return "nobody is known to be asking"
	case p.ReadOnly && ask.Risk != Read:
		return "this installation is read-only (VPSBOT_READ_ONLY)"
	case !p.exists(ask.Operation):
		return "it is switched off here (VPSBOT_OPERATIONS does not include it)"
	case ask.Surface != MCP && ask.Surface != Terminal && ask.Surface != Slack:
		return fmt.Sprintf("%q is not a place to ask from", ask.Surface)
	}
	return ""
}

func (p Policy) exists(operation string) bool {
	return len(p.Operations) == 0 || slices.ContainsFunc(p.Operations, func(glob string) bool {
		isMatch, _ := path.Match(glob, operation)
		return isMatch
	})
}

// Budget limits how often something may be done. The store counts.
type Budget struct {
	Name      string // "deletions" or "destructive"
	Most      int
	Within    time.Duration
	PerActor  bool // counted for each person, not for the account
	NotByHand bool // requests of a person at a real terminal do not count

	operations string // a glob; empty: any
	risk       Risk   // empty: any
}

// Counts reports whether an operation of this risk counts against the budget.
func (b Budget) Counts(operation string, risk Risk) bool {
	return (b.operations == "" || Glob(b.operations).Matches(operation)) && (b.risk == "" || b.risk == risk)
}

var budgets = []Budget{
	{Name: "deletions", Most: 3, Within: 10 * time.Minute, operations: "*.delete"},
	{Name: "destructive", Most: 10, Within: time.Hour, PerActor: true, risk: Destructive},
}

// Budgets returns the budgets in force. The caller owns the list.
func (p Policy) Budgets() []Budget {
	all := slices.Clone(budgets)
	for i := range all {
		if p.Book == nil {
			all[i].NotByHand = true // the person whose own token it is
			continue
		}
		if rate, ok := p.Book.Budgets[all[i].Name]; ok {
			all[i].Most, all[i].Within = rate.Most, rate.Within
		}
	}
	return all
}

// LongestBudget is the longest time of a budget: the approvals that it counts are kept no longer.
const LongestBudget = 90 * 24 * time.Hour

// Rate is a number within a time.
type Rate struct {
	Most   int
	Within time.Duration
}
