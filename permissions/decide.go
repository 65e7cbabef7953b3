package permissions

import (
	"fmt"
	"slices"
)

func (b *Rulebook) decide(ask Ask) Decision {
	m := b.match(ask)
	d := Decision{Risk: m.risk}
	matching := b.matching(m)
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
	return b.demand(d, m, rules)
}

// matching returns the rules of which all but the servers match.
func (b *Rulebook) matching(m matching) (rules []Rule) {
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
		if r.Effect == Deny && (slices.ContainsFunc(servers, r.on) || servers == nil && r.onAll()) {
			return r, true
		}
	}
	return Rule{}, false
}

func (r Rule) onAll() bool { return coverAll(r.Servers, "*") }

// allowing returns the allows that together hold on all servers; none if one is left over.
// Where the servers are not known, they are the allows that hold on some server.
func allowing(rules []Rule, servers []TargetServer) (allows []Rule) {
	if servers == nil {
		return slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool { return r.Effect != Allow || !reachable(r, rules) })
	}
	for _, t := range servers {
		found := false
		for _, r := range rules {
			if r.Effect == Allow && r.on(t) {
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

// reachable reports whether some server of the allow is left by the denies.
func reachable(allow Rule, rules []Rule) bool {
	patterns := allow.Servers
	if patterns == nil {
		patterns = anyServer
	}
	return slices.ContainsFunc(patterns, func(p ServerPattern) bool {
		return !slices.ContainsFunc(rules, func(r Rule) bool { return r.Effect == Deny && coverAll(r.Servers, p) })
	})
}

// demand allows, and says what is needed first: the strictest of what the rules want.
func (b *Rulebook) demand(d Decision, m matching, rules []Rule) Decision {
	d.Own, d.Channels, d.Rule = m.risk.Asks(), b.Confirm[m.risk], rules[0].Name
	demands := demands(rules, m.servers)
	for _, r := range demands {
		if r.Approvers.Count > d.Others {
			d.Others, d.Rule = r.Approvers.Count, r.Name
		}
	}
	if d.Others == 0 && b.wantsSecond(m) {
		d.Others, d.Rule = 1, ByProtection
	}
	if d.Others == 0 && b.winsMore(m) {
		d.Others, d.Rule = 1, ByRename
	}
	if d.Others > 0 && m.subject.person == "" {
		return Decision{Risk: d.Risk, Rule: d.Rule, Reason: fmt.Sprintf(
			"it needs a second person, and %s belongs to nobody under people in the policy; add the identity there", m.ask.Actor)}
	}
	d.Allowed, d.Approvers = true, b.approvers(demands)
	return d
}

// wantsSecond reports whether protection does.
func (b *Rulebook) wantsSecond(m matching) bool {
	return m.risk.Asks() && m.risk != Billable && slices.ContainsFunc(m.servers, b.protects)
}

// winsMore reports whether a rename wins somebody a right that who asks did not have.
func (b *Rulebook) winsMore(m matching) bool {
	won := b.wins(m.ask)
	return len(won) > 0 && len(b.lacked(won, m.subject, *m.ask.Target, true)) > 0
}

// demands returns the rules that want others to agree. Where the servers are not known
// they are those that want it on every server.
func demands(rules []Rule, servers []TargetServer) (demands []Rule) {
	for _, r := range rules {
		if r.Approvers != nil && (servers != nil || r.onAll()) {
			demands = append(demands, r)
		}
	}
	return demands
}
