package permissions

import (
	"fmt"
	"slices"
)

// Act is a command that is no operation and is for a person at a terminal, unless the policy allows it to an access
// key. A rule names it in full among its operations: no * matches it.
type Act string

// The acts.
const (
	SettleApproval   Act = "approvals.settle"
	MakeAuditKey     Act = "audit.key"
	LiftFreeze       Act = "freeze.lift"
	CreateKey        Act = "keys.create"
	UnlockOperations Act = "operations.unlock"
)

// Acts lists every act, sorted.
var Acts = []Act{SettleApproval, MakeAuditKey, LiftFreeze, CreateKey, UnlockOperations}

// NamesAct reports whether the rule allows or denies an act. An allow with risks or servers does not: an act has
// neither.
func (r Rule) NamesAct(act Act) bool {
	if r.Effect == Allow && (r.Risks != nil || r.Servers != nil) {
		return false
	}
	return slices.Contains(r.Operations, Glob(act))
}

// Forbids returns the rule that denies an act. Of the ask only the actor and the place count.
func (p Policy) Forbids(ask Ask, act Act) (rule string, forbidden bool) {
	return p.firstRule(ask, act, Deny)
}

// MayAct decides whether an actor may do an act without a person at a terminal: the holder of an access key may
// whom a rule allows it.
func (p Policy) MayAct(actor Actor, act Act) Decision {
	ask := Ask{Actor: actor, Surface: Terminal}
	if rule, forbidden := p.Forbids(ask, act); forbidden {
		return Decision{Rule: rule, Reason: fmt.Sprintf("the policy's rule %q forbids it", rule)}
	}
	if rule, given := p.firstRule(ask, act, Allow); given && actor.IsKey() {
		return Decision{Allowed: true, Rule: rule}
	}
	return Decision{Reason: "it is for a person at a terminal"}
}

func (p Policy) firstRule(ask Ask, act Act, effect Effect) (rule string, found bool) {
	if p.Book == nil || ask.Actor == "" {
		return "", false
	}
	for _, r := range p.Book.Rules {
		at := r.Where == nil || slices.ContainsFunc(r.Where, func(w Place) bool { return w.includes(ask) })
		if r.Effect == effect && r.NamesAct(act) && at && p.Book.isAmong(r.Who, p.Book.subject(p.identity(ask.Actor), ask.Groups, ask.External), effect) {
			return r.Name, true
		}
	}
	return "", false
}
