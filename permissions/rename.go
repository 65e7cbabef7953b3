package permissions

import "slices"

// ByRename is the Rule of a decision by a rename that would give somebody a right.
const ByRename = "a rename that wins a right"

func (a Ask) renamed() (before, after TargetServer) {
	return *a.Target, TargetServer{ID: a.Target.ID, Name: a.NewName}
}

// gainedRules returns the allows by which a rename gives somebody a right: those that match the new name alone, and
// those whose deny or approvers match the old name alone. It compares patterns; where they do not tell, the rule is
// among the result.
func (b *Rulebook) gainedRules(ask Ask) []Rule {
	if !ask.isRename() {
		return nil
	}
	before, after := ask.renamed()
	return filter(b.Rules, func(r Rule) bool {
		isAllowed := r.Effect == Allow && len(r.Who) > 0 && r.isAbout(after)
		return isAllowed && (b.isFreed(r, before, after) || !r.isAbout(before) && !b.isHeldByAll(r, before))
	})
}

// isFreed reports whether a deny, or a rule with approvers, restricts the allow under the old name and not under the
// new one.
func (b *Rulebook) isFreed(r Rule, before, after TargetServer) bool {
	return slices.ContainsFunc(b.Rules, func(o Rule) bool {
		return (o.Effect == Deny || o.Approvers != nil) && o.isAbout(before) && !o.isAbout(after) && overlap(o, r)
	})
}

// isHeldByAll reports whether every principal of an allow may do all of it on the server by other rules.
func (b *Rulebook) isHeldByAll(r Rule, on TargetServer) bool {
	return !slices.ContainsFunc(r.Who, func(p Principal) bool {
		one := b.subject(Actor(p), nil, p == External)
		return !slices.ContainsFunc(b.Rules, func(own Rule) bool {
			means := slices.Contains(own.Who, p) || p != External && slices.Contains(own.Who, Everybody) || b.isAmong(own.Who, one, Allow)
			return own.Effect == Allow && own.Approvers == nil && own.isAbout(on) && means && covers(own, r)
		})
	})
}

// notHeld returns the gained rules whose rights the subject does not have in full on the server. With alone, rights
// that need approvers do not count: so for the requester; for an approver they do.
func (b *Rulebook) notHeld(gained []Rule, a subject, on TargetServer, alone bool) []Rule {
	return filter(gained, func(r Rule) bool { return !b.isHeld(r, a, on, alone) })
}

func (b *Rulebook) isHeld(r Rule, a subject, on TargetServer, alone bool) bool {
	may := func(own Rule) bool {
		return own.Effect == Allow && own.isAbout(on) && b.isAmong(own.Who, a, Allow) && covers(own, r)
	}
	heldBack := func(o Rule) bool {
		means := o.Effect == Deny && b.isAmong(o.Who, a, Deny) || alone && o.Approvers != nil && b.isAmong(o.Who, a, Allow)
		return means && o.isAbout(on) && overlap(o, r)
	}
	return slices.ContainsFunc(b.Rules, may) && !slices.ContainsFunc(b.Rules, heldBack)
}

// covers reports whether a rule is about all that another is about, servers and principals apart.
func covers(own, r Rule) bool {
	places := own.Where == nil || r.Where != nil && !slices.ContainsFunc(r.Where, func(w Place) bool { return !slices.Contains(own.Where, w) })
	risks := own.Risks == nil || r.Risks != nil && !slices.ContainsFunc(r.Risks, func(k Risk) bool { return !slices.Contains(own.Risks, k) })
	operations := own.Operations == nil || r.Operations != nil && !slices.ContainsFunc(r.Operations, func(g Glob) bool {
		return !slices.ContainsFunc(own.Operations, func(o Glob) bool { return o.Covers(g) })
	})
	return places && operations && (risks || len(own.Risks) == len(Risks))
}

// overlap reports whether two rules may be about one operation of one risk.
func overlap(a, b Rule) bool {
	risks := a.Risks == nil || b.Risks == nil || slices.ContainsFunc(a.Risks, func(k Risk) bool { return slices.Contains(b.Risks, k) })
	operations := a.Operations == nil || b.Operations == nil || slices.ContainsFunc(a.Operations, func(g Glob) bool {
		return slices.ContainsFunc(b.Operations, func(o Glob) bool { return g.meets(o) })
	})
	return risks && operations
}

// meets reports whether two globs may match the same text. For two with stars or question marks it returns true.
func (g Glob) meets(other Glob) bool {
	return g.isOpen() && other.isOpen() || g.Covers(other) || other.Covers(g)
}

func (g Glob) isOpen() bool {
	return slices.ContainsFunc([]rune(g), func(c rune) bool { return c == '*' || c == '?' })
}
