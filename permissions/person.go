package permissions

import "slices"

// Person returns who an identity is: the id of the policy's person that it belongs to.
// known is false where a policy file lists it under no person; it then stands for itself
// and can neither ask for a second consent nor give one. Without a policy file every
// identity is a person of its own.
func (p Policy) Person(identity Actor) (person string, known bool) {
	if p.Book == nil {
		return string(identity), identity != ""
	}
	for _, one := range p.Book.People {
		if one.ID == string(identity) || slices.Contains(one.Identities, identity) {
			return one.ID, true
		}
	}
	return string(identity), false
}

// asker is somebody as the rules see them.
type asker struct {
	identity Actor
	person   string // empty: not known
	groups   []string
	external bool
}

func (b *Rulebook) asker(identity Actor, groups []string, external bool) asker {
	a := asker{identity: identity, groups: groups, external: external}
	if person, known := (Policy{Book: b}).Person(identity); known {
		a.person = person
	}
	return a
}

// among reports whether the asker is one of the parties. An allow means a stranger only by
// [Strangers]; a deny means a stranger by every word that fits.
func (b *Rulebook) among(parties []Party, a asker, effect Effect) bool {
	return slices.ContainsFunc(parties, func(p Party) bool {
		switch {
		case p == Strangers:
			return a.external
		case a.external && effect == Allow:
			return false
		case p == Everybody || p == Party(a.identity):
			return true
		case slices.ContainsFunc(a.groups, func(id string) bool { return p == Party("slack-group:"+id) }):
			return true
		case a.person != "" && p == Party(a.person):
			return true
		}
		return b.inGroup(string(p), a)
	})
}

func (b *Rulebook) inGroup(name string, a asker) bool {
	for _, g := range b.Groups {
		if g.Name != name {
			continue
		}
		if a.person != "" && slices.Contains(g.People, a.person) {
			return true
		}
		return slices.ContainsFunc(a.groups, func(id string) bool { return slices.Contains(g.SlackGroups, id) })
	}
	return false
}
