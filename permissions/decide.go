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

// matchingRules returns the rules that match, for one of the servers at least; where the servers are not known, those
// of which all else matches.
func (b *Rulebook) matchingRules(m evaluation) []Rule {
	return filter(b.Rules, func(r Rule) bool { return b.mismatch(r, m) == "" && r.isAboutOne(m.servers) })
}

// about returns the rulebook without the rules that do not match the ask whoever makes it. A rename depends on all
// rules.
func (b *Rulebook) about(ask Ask) *Rulebook {
	if ask.isRename() {
		return b
	}
	m, some := b.evaluate(ask), *b
	some.Rules = filter(b.Rules, func(r Rule) bool { return r.mismatch(m) == "" && r.isAboutOne(m.servers) })
	return &some
}

// isAboutOne reports whether the rule is about one of the servers; where they are not known, it may be.
func (r Rule) isAboutOne(servers []TargetServer) bool {
	return servers == nil || slices.ContainsFunc(servers, r.isAbout)
}

func filter(rules []Rule, keep func(Rule) bool) []Rule {
	var kept []Rule
	for _, r := range rules {
		if keep(r) {
			kept = append(kept, r)
		}
	}
	return kept
}

// firstDeny returns the first deny about one of the servers; where the servers are not known, about all servers.
func firstDeny(rules []Rule, servers []TargetServer) (Rule, bool) {
	for _, r := range rules {
		if r.Effect == Deny && (slices.ContainsFunc(servers, r.isAbout) || servers == nil && r.isAboutAll()) {
			return r, true
		}
	}
	return Rule{}, false
}

func (r Rule) isAboutAll() bool { return coverAny(r.Servers, "*") }

// allowing returns the allows about the servers; none if one server has no allow. Where the servers are not known,
// it returns the allows that hold on some server.
func allowing(rules []Rule, servers []TargetServer) (allows []Rule) {
	if servers == nil {
		denied := patternsOf(rules, func(r Rule) bool { return r.Effect == Deny })
		return filter(rules, func(r Rule) bool { return r.Effect == Allow && isReachable(r, denied) })
	}
	for _, t := range servers {
		about := filter(rules, func(r Rule) bool { return r.Effect == Allow && r.isAbout(t) })
		if len(about) == 0 {
			return nil
		}
		allows = append(allows, about...)
	}
	return allows
}

func isReachable(allow Rule, denied *patternSet) bool {
	isLeft := func(p ServerPattern) bool { return !denied.covers(p) }
	return slices.ContainsFunc(allow.Servers, isLeft) || allow.Servers == nil && isLeft("*")
}

// allow completes a decision that allows with the consent that it needs: the strictest demand of the rules.
func (b *Rulebook) allow(d Decision, m evaluation, rules []Rule) Decision {
	d.Own, d.Channels, d.Rule = m.risk.NeedsConsent(), b.Confirm[m.risk], rules[0].Name
	demands := approverDemands(rules, m.servers)
	for _, r := range demands {
		if r.Approvers.Count > d.Others {
			d.Others, d.Rule = r.Approvers.Count, r.Name
		}
	}
	if d.Others == 0 && d.Own && m.risk != Billable && slices.ContainsFunc(m.servers, b.protects) {
		d.Others, d.Rule = 1, ByProtection
	}
	if gained := b.gainedRules(m.ask); d.Others == 0 && len(gained) > 0 && len(b.notHeld(gained, m.subject, *m.ask.Target, true)) > 0 {
		d.Others, d.Rule = 1, ByRename
	}
	if d.Others > 0 && m.subject.person == "" {
		return Decision{Risk: d.Risk, Rule: d.Rule, Reason: fmt.Sprintf(
			"it needs a second person, and %s belongs to nobody under people in the policy; add the identity there", m.ask.Actor)}
	}
	d.Allowed, d.Approvers = true, b.approverWords(demands)
	return d
}

// approverDemands returns the rules that demand approvers; where the servers are not known, on all servers.
func approverDemands(rules []Rule, servers []TargetServer) []Rule {
	return filter(rules, func(r Rule) bool { return r.Approvers != nil && (servers != nil || r.isAboutAll()) })
}

// evaluation is an ask with the facts that rules depend on.
type evaluation struct {
	ask     Ask
	subject subject
	risk    Risk           // raised
	servers []TargetServer // each must be allowed; nil: not known yet
}

func (b *Rulebook) evaluate(ask Ask) evaluation {
	m := evaluation{ask: ask, subject: b.subject(ask.Actor, ask.Groups, ask.External), risk: b.risk(ask)}
	switch {
	case ask.isRename():
		before, after := ask.renamed()
		m.servers = []TargetServer{before, after}
	case ask.Creates && ask.NewName != "":
		m.servers = []TargetServer{{Name: ask.NewName}}
	case ask.Target != nil:
		m.servers = []TargetServer{*ask.Target}
	}
	return m
}

func (a Ask) isRename() bool {
	return !a.Creates && a.Target != nil && a.NewName != "" && a.NewName != a.Target.Name
}

func (a Ask) inputRisk() Risk {
	if slices.Index(Risks, a.Raised) > slices.Index(Risks, a.Risk) {
		return a.Raised
	}
	return a.Risk
}

// risk raises a rename to disruptive if it takes the server under other rules, or to or from a protected name:
// afterwards other people may do other things to it.
func (b *Rulebook) risk(ask Ask) Risk {
	risk := ask.inputRisk()
	if risk.NeedsConsent() || !ask.isRename() {
		return risk
	}
	before, after := ask.renamed()
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

// mismatch returns the first key of the rule that does not match, servers apart: "who", "where", "operations" or
// "risks"; "" if all match.
func (b *Rulebook) mismatch(r Rule, m evaluation) string {
	if !b.isAmong(r.Who, m.subject, r.Effect) {
		return "who"
	}
	return r.mismatch(m)
}

// mismatch is that of the rulebook, whoever asks.
func (r Rule) mismatch(m evaluation) string {
	switch {
	case r.Where != nil && !slices.ContainsFunc(r.Where, func(p Place) bool { return p.includes(m.ask) }):
		return "where"
	case r.Operations != nil && !slices.ContainsFunc(r.Operations, func(g Glob) bool { return g.Matches(m.ask.Operation) }):
		return "operations"
	case r.Risks != nil && !r.isAboutRisk(m):
		return "risks"
	}
	return ""
}

// isAboutRisk reports whether the rule is about the risk. Where the risk is raised, an allow must name both the
// original and the raised one, a deny either: so that no added rule widens an allow by raising a risk.
func (r Rule) isAboutRisk(m evaluation) bool {
	asked, raised := slices.Contains(r.Risks, m.ask.Risk), slices.Contains(r.Risks, m.risk)
	if r.Effect == Deny {
		return asked || raised
	}
	return asked && raised
}

// RuleMismatch is a rule that did not match an ask, and its first key that did not: "who", "where", "operations",
// "risks" or "servers".
type RuleMismatch struct{ Rule, Part string }

// Mismatches explains a decision by the rules that did not match, in their order. Without a policy file there are
// none.
func (p Policy) Mismatches(ask Ask) (mismatches []RuleMismatch) {
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
			mismatches = append(mismatches, RuleMismatch{r.Name, part})
		}
	}
	return mismatches
}

// isAbout reports whether the rule is about the server. Where the server's name could not be read, a deny is, an
// allow is not.
func (r Rule) isAbout(t TargetServer) bool { return matchAny(r.Servers, t, r.Effect == Deny) }
