package permissions

import "slices"

// The plain form of what decisions find by an index: each rule and each pattern, one after the other.

// PlainlyAllows is the part of Decide that depends on rules, for an ask that renames nothing.
func (b *Rulebook) PlainlyAllows(ask Ask) bool {
	m := b.evaluate(ask)
	var allows []Rule
	for _, r := range b.Rules {
		isMeant := slices.ContainsFunc(r.Who, func(p Principal) bool { return b.isOne(p, m.subject, r.Effect) })
		switch {
		case !isMeant || r.mismatch(m) != "":
		case r.Effect == Deny && (m.servers == nil && coverAny(r.Servers, "*") || slices.ContainsFunc(m.servers, r.isAbout)):
			return false
		case r.Effect == Allow:
			allows = append(allows, r)
		}
	}
	needsOthers := m.risk.NeedsConsent() && m.risk != Billable && slices.ContainsFunc(m.servers, b.protects)
	isHeld := func(r Rule) bool {
		return m.servers == nil && b.plainlyReachable(r, m) || len(m.servers) == 1 && r.isAbout(m.servers[0])
	}
	for _, r := range allows {
		needsOthers = needsOthers || isHeld(r) && r.Approvers != nil && r.Approvers.Count > 0 && (m.servers != nil || coverAny(r.Servers, "*"))
	}
	return slices.ContainsFunc(allows, isHeld) && (m.subject.person != "" || !needsOthers)
}

// plainlyReachable compares each pattern of the allow with each of the denies.
func (b *Rulebook) plainlyReachable(allow Rule, m evaluation) bool {
	patterns := allow.Servers
	if patterns == nil {
		patterns = []ServerPattern{"*"}
	}
	return slices.ContainsFunc(patterns, func(p ServerPattern) bool {
		return !slices.ContainsFunc(b.Rules, func(r Rule) bool {
			isMeant := slices.ContainsFunc(r.Who, func(who Principal) bool { return b.isOne(who, m.subject, r.Effect) })
			return r.Effect == Deny && isMeant && r.mismatch(m) == "" && coverAny(r.Servers, p)
		})
	})
}

// PatternSet is a patternSet beside the lists of patterns that were added to it.
type PatternSet struct {
	set   patternSet
	lists [][]ServerPattern
}

// Add adds the patterns of a rule.
func (s *PatternSet) Add(patterns []ServerPattern) {
	s.set.add(patterns)
	s.lists = append(s.lists, patterns)
}

// Matches returns what the index says of a server, and what its patterns say one by one.
func (s *PatternSet) Matches(t TargetServer, unread bool) (indexed, plain bool) {
	return s.set.matches(t, unread), slices.ContainsFunc(s.lists, func(l []ServerPattern) bool { return matchAny(l, t, unread) })
}

// Covers does the same for a pattern.
func (s *PatternSet) Covers(p ServerPattern) (indexed, plain bool) {
	return s.set.covers(p), slices.ContainsFunc(s.lists, func(l []ServerPattern) bool { return coverAny(l, p) })
}
