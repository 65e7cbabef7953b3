package permissions

import "slices"

// matching is an ask with all that the rules look at worked out once.
type matching struct {
	ask     Ask
	subject subject
	risk    Risk           // raised
	servers []TargetServer // all of them must be allowed; nil: not known yet
}

func (b *Rulebook) match(ask Ask) matching {
	m := matching{ask: ask, subject: b.subject(ask.Actor, ask.Groups, ask.External), risk: b.raised(ask)}
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

// worst is the operation's own risk, or what its input raises it to.
func (a Ask) worst() Risk {
	if slices.Index(Risks, a.Raised) > slices.Index(Risks, a.Risk) {
		return a.Raised
	}
	return a.Risk
}

// raised makes a rename disruptive that takes a server under other rules, or onto or away
// from a protected name: afterwards others may do other things to it.
func (b *Rulebook) raised(ask Ask) Risk {
	risk := ask.worst()
	if risk.Asks() || !ask.isRename() {
		return risk
	}
	before, after := *ask.Target, TargetServer{ID: ask.Target.ID, Name: ask.NewName}
	if b.protects(before) || b.protects(after) || slices.ContainsFunc(b.Rules, func(r Rule) bool {
		return onServers(r.Servers, before, false) != onServers(r.Servers, after, false)
	}) {
		return Disruptive
	}
	return risk
}

func (b *Rulebook) protects(t TargetServer) bool {
	return b.Protected != nil && onServers(b.Protected, t, true)
}

// mismatch returns the first part of the rule that does not match, its servers apart: "who",
// "where", "operations" or "risks"; "" if all match.
func (b *Rulebook) mismatch(r Rule, m matching) string {
	switch {
	case !b.among(r.Who, m.subject, r.Effect):
		return "who"
	case r.Where != nil && !slices.ContainsFunc(r.Where, func(p Place) bool { return p.holds(m.ask) }):
		return "where"
	case r.Operations != nil && !slices.ContainsFunc(r.Operations, func(g Glob) bool { return g.Matches(m.ask.Operation) }):
		return "operations"
	case r.Risks != nil && !r.risks(m):
		return "risks"
	}
	return ""
}

// risks reports whether the rule is about the risk. Where it is raised, an allow must mean
// what it was and what it is, and a deny may mean either: so no rule that is added can make
// another allow more by raising a risk.
func (r Rule) risks(m matching) bool {
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
	m := p.Book.match(ask)
	for _, r := range p.Book.Rules {
		part := p.Book.mismatch(r, m)
		if part == "" && len(m.servers) > 0 && !slices.ContainsFunc(m.servers, r.on) {
			part = "servers"
		}
		if part != "" {
			misses = append(misses, RuleMismatch{r.Name, part})
		}
	}
	return misses
}

// on reports whether the rule is about that server. Where the name could not be read, a
// deny is and an allow is not.
func (r Rule) on(t TargetServer) bool { return onServers(r.Servers, t, r.Effect == Deny) }
