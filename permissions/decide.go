package permissions

import (
	"fmt"
	"slices"
)

func (b *Rulebook) decide(ask Ask) Decision {
	m := b.evaluate(ask)
	d := Decision{Risk: m.risk}
	matching := b.matchingRules(m)
	if deny, ok := firstDeny(matching, m.servers); ok {
		d.Rule = deny.Name
		d.Reason = fmt.Sprintf("the policy's rule %q forbids it", deny.Name)
		return d
	}
	rules := allowing(matching, m.servers)
	if len(rules) == 0 {
		d.Reason = fmt.Sprintf("no rule of the policy allows it to %s from %s", ask.Actor, ask.place())
		return d
	}
	return b.allow(d, m, rules)
}

// matchingRules returns the rules of which all but the servers match.
func (b *Rulebook) matchingRules(m evaluation) (rules []Rule) {
	for _, r := range b.Rules {
		if b.mismatch(r, m) == "" {
			rules = append(rules, r)
		}
	}
	return rules
}

// firstDeny returns the first deny that is about one of the servers, or about every server
// where they are not known.
func firstDeny(rules []Rule, servers []TargetServer) (Rule, bool) {
	for _, r := range rules {
		if r.Effect == Deny && (slices.ContainsFunc(servers, r.isAbout) || servers == nil && r.isAboutAll()) {
			return r, true
		}
	}
	return Rule{}, false
}

func (r Rule) isAboutAll() bool { return coverAny(r.Servers, "*") }

// allowing returns the allows that together hold on all servers; none if one is left over.
// Where the servers are not known, they are the allows that hold on some server.
func allowing(rules []Rule, servers []TargetServer) (allows []Rule) {
	if servers == nil {
		return slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool { return r.Effect != Allow || !isReachable(r, rules) })
	}
	for _, t := range servers {
		found := false
		for _, r := range rules {
			if r.Effect == Allow && r.isAbout(t) {
				found = true
				allows = append(allows, r)
			}
		}
		if !found {
			return nil
		}
	}
	return allows
}

// isReachable reports whether some server of the allow is left by the denies.
func isReachable(allow Rule, rules []Rule) bool {
	patterns := allow.Servers
	if patterns == nil {
		patterns = anyServer
	}
	return slices.ContainsFunc(patterns, func(p ServerPattern) bool {
		return !slices.ContainsFunc(rules, func(r Rule) bool { return r.Effect == Deny && coverAny(r.Servers, p) })
	})
}

// allow allows, and says what is needed first: the strictest of what the rules want.
func (b *Rulebook) allow(d Decision, m evaluation, rules []Rule) Decision {
	d.Own, d.Channels, d.Rule = m.risk.NeedsConsent(), b.Confirm[m.risk], rules[0].Name
	demands := approverDemands(rules, m.servers)
	for _, r := range demands {
		if r.Approvers.Count > d.Others {
			d.Others, d.Rule = r.Approvers.Count, r.Name
		}
	}
	if d.Others == 0 && b.protectsAny(m) {
		d.Others, d.Rule = 1, ByProtection
	}
	if d.Others == 0 && b.gainsRight(m) {
		d.Others, d.Rule = 1, ByRename
	}
	if d.Others > 0 && m.subject.person == "" {
		return Decision{Risk: d.Risk, Rule: d.Rule, Reason: fmt.Sprintf(
			"it needs a second person, and %s belongs to nobody under people in the policy; add the identity there", m.ask.Actor)}
	}
	d.Allowed, d.Approvers = true, b.approverWords(demands)
	return d
}

// protectsAny reports whether protection does.
func (b *Rulebook) protectsAny(m evaluation) bool {
	return m.risk.NeedsConsent() && m.risk != Billable && slices.ContainsFunc(m.servers, b.protects)
}

// gainsRight reports whether a rename wins somebody a right that who asks did not have.
func (b *Rulebook) gainsRight(m evaluation) bool {
	won := b.gainedRules(m.ask)
	return len(won) > 0 && len(b.notHeld(won, m.subject, *m.ask.Target, true)) > 0
}

// approverDemands returns the rules that want others to agree. Where the servers are not known
// they are those that want it on every server.
func approverDemands(rules []Rule, servers []TargetServer) (approverDemands []Rule) {
	for _, r := range rules {
		if r.Approvers != nil && (servers != nil || r.isAboutAll()) {
			approverDemands = append(approverDemands, r)
		}
	}
	return approverDemands
}

// evaluation is an ask with all that the rules look at worked out once.
type evaluation struct {
	ask     Ask
	subject subject
	risk    Risk           // raised
	servers []TargetServer // all of them must be allowed; nil: not known yet
}

func (b *Rulebook) evaluate(ask Ask) evaluation {
	m := evaluation{ask: ask, subject: b.subject(ask.Actor, ask.Groups, ask.External), risk: b.risk(ask)}
	if ask.Target != nil {
		m.servers = append(m.servers, *ask.Target)
	}
	switch {
	case ask.isRename():
		m.servers = append(m.servers, TargetServer{ID: ask.Target.ID, Name: ask.NewName})
	case ask.isCreate() && ask.NewName != "":
		m.servers = []TargetServer{{Name: ask.NewName}}
	}
	return m
}

func (a Ask) isCreate() bool { return a.Operation == "servers.create" }

func (a Ask) isRename() bool {
	return !a.isCreate() && a.Target != nil && a.NewName != "" && a.NewName != a.Target.Name
}

// inputRisk is the operation's own risk, or what its input raises it to.
func (a Ask) inputRisk() Risk {
	if slices.Index(Risks, a.Raised) > slices.Index(Risks, a.Risk) {
		return a.Raised
	}
	return a.Risk
}

// risk makes a rename disruptive that takes a server under other rules, or onto or away
// from a protected name: afterwards others may do other things to it.
func (b *Rulebook) risk(ask Ask) Risk {
	risk := ask.inputRisk()
	if risk.NeedsConsent() || !ask.isRename() {
		return risk
	}
	before, after := *ask.Target, TargetServer{ID: ask.Target.ID, Name: ask.NewName}
	if b.protects(before) || b.protects(after) || slices.ContainsFunc(b.Rules, func(r Rule) bool {
		return matchAny(r.Servers, before, false) != matchAny(r.Servers, after, false)
	}) {
		return Disruptive
	}
	return risk
}

func (b *Rulebook) protects(t TargetServer) bool {
	return b.Protected != nil && matchAny(b.Protected, t, true)
}

// mismatch returns the first part of the rule that does not match, its servers apart: "who",
// "where", "operations" or "risks"; "" if all match.
func (b *Rulebook) mismatch(r Rule, m evaluation) string {
	switch {
	case !b.isAmong(r.Who, m.subject, r.Effect):
		return "who"
	case r.Where != nil && !slices.ContainsFunc(r.Where, func(p Place) bool { return p.includes(m.ask) }):
		return "where"
	case r.Operations != nil && !slices.ContainsFunc(r.Operations, func(g Glob) bool { return g.Matches(m.ask.Operation) }):
		return "operations"
	case r.Risks != nil && !r.isAboutRisk(m):
		return "risks"
	}
	return ""
}

// isAboutRisk reports whether the rule is about the risk. Where it is raised, an allow must mean
// what it was and what it is, and a deny may mean either: so no rule that is added can make
// another allow more by raising a risk.
func (r Rule) isAboutRisk(m evaluation) bool {
	asked, raised := slices.Contains(r.Risks, m.ask.Risk), slices.Contains(r.Risks, m.risk)
	if r.Effect == Deny {
		return asked || raised
	}
	return asked && raised
}

// RuleMismatch is a rule that did not match an ask, and the first part of it that did not: "who",
// "where", "operations", "risks" or "servers".
type RuleMismatch struct{ Rule, Part string }

// Mismatches explains a decision: every rule that had no say in it, in their order. There are
// none without a policy file.
func (p Policy) Mismatches(ask Ask) (misses []RuleMismatch) {
	if p.Book == nil {
		return nil
	}
	ask.Actor = p.identity(ask.Actor)
	m := p.Book.evaluate(ask)
	for _, r := range p.Book.Rules {
		part := p.Book.mismatch(r, m)
		if part == "" && len(m.servers) > 0 && !slices.ContainsFunc(m.servers, r.isAbout) {
			part = "servers"
		}
		if part != "" {
			misses = append(misses, RuleMismatch{r.Name, part})
		}
	}
	return misses
}

// isAbout reports whether the rule is about that server. Where the name could not be read, a
// deny is and an allow is not.
func (r Rule) isAbout(t TargetServer) bool { return matchAny(r.Servers, t, r.Effect == Deny) }
