package permissions

import (
	"fmt"
	"slices"
)

// Act is something beside the operations that is for a person at a terminal, unless the policy
// gives it to an access key. A rule names it in full among its operations: no * matches it.
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

// NamesAct reports whether the rule gives or takes an act. An allow that is about risks or servers
// does not: an act has neither.
func (r Rule) NamesAct(act Act) bool {
	if r.Effect == Allow && (r.Risks != nil || r.Servers != nil) {
		return false
	}
	return slices.Contains(r.Operations, Glob(act))
}

// Forbids reports whether a rule takes an act from somebody where they are, and which. Of the ask only
// who it is and from where counts.
func (p Policy) Forbids(ask Ask, act Act) (rule string, forbidden bool) {
	return p.firstRule(ask, act, Deny)
}

// MayAct decides whether somebody may do an act where no person is at a terminal: the bearer of an
// access key that a rule names for it.
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

// firstRule returns the first rule of that effect about somebody and an act.
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
