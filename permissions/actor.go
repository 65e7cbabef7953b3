package permissions

import (
	"slices"
	"strings"
)

// Actor is an identity that asks or answers, as "kind:name": "local:alice" is a user of this machine, "key:laptop"
// the holder of that access key, "slack:U024BE7LH" a Slack user. Several may belong to one person: see
// [Policy.Person].
type Actor string

// Local returns the actor for a user of this machine.
func Local(user string) Actor { return Actor("local:" + user) }

// Key returns the actor for the holder of an access key, by the key's name.
func Key(name string) Actor { return Actor("key:" + name) }

// SlackUser returns the actor for a Slack user, by the id that Slack gives ("U…").
func SlackUser(id string) Actor { return Actor("slack:" + id) }

// IsKey reports whether the actor is known by an access key.
func (a Actor) IsKey() bool { return strings.HasPrefix(string(a), "key:") }

// IsLocal reports whether the actor is known as a user of this machine.
func (a Actor) IsLocal() bool { return strings.HasPrefix(string(a), "local:") }

// anyLocal is a user of this machine where the users cannot be told apart. No policy can name it.
const anyLocal Actor = "local:*"

// Surface is where somebody asks, and where somebody answers.
type Surface string

// The surfaces.
const (
	MCP      Surface = "mcp"
	Terminal Surface = "terminal"
	Slack    Surface = "slack"

	// Script is a word of a policy's confirm alone: a flag of a command answers, for the asker and
	// nobody else, where no person is. Nobody asks from there; the surface stays [Terminal].
	Script Surface = "script"
)

// Person returns the id of the policy's person that an identity belongs to. known is false where the policy file
// lists it under no person: the identity is then returned itself, and can neither ask for the consent of others
// nor give it. Without a policy file every identity is a person of its own.
func (p Policy) Person(identity Actor) (person string, known bool) {
	identity = p.identity(identity)
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

// Identities returns all identities of the person that an identity belongs to; the identity alone if the policy
// has no such person.
func (p Policy) Identities(identity Actor) []Actor {
	if person, known := p.Person(identity); known && p.Book != nil {
		for _, one := range p.Book.People {
			if one.ID == person {
				return one.Identities
			}
		}
	}
	return []Actor{identity}
}

// identity returns the identity that counts. Where the users of this machine cannot be told apart, that is the
// one local identity that the policy knows; where it knows several, [anyLocal].
func (p Policy) identity(who Actor) Actor {
	if !p.OneUser || !who.IsLocal() {
		return who
	}
	if p.Book != nil {
		if locals := p.Book.localIdentities(); len(locals) == 1 {
			return locals[0]
		}
	}
	return anyLocal
}

// localIdentities returns the users of a machine that the policy knows, one for each person.
func (b *Rulebook) localIdentities() (found []Actor) {
	of := Policy{Book: b}
	add := func(who Actor) {
		person, _ := of.Person(who)
		same := func(other Actor) bool { id, _ := of.Person(other); return id == person }
		if who.IsLocal() && !slices.ContainsFunc(found, same) {
			found = append(found, who)
		}
	}
	for _, person := range b.People {
		for _, who := range person.Identities {
			add(who)
		}
	}
	for _, r := range b.Rules {
		for _, p := range r.Principals() {
			add(Actor(p))
		}
	}
	return found
}

// LocalPeople lists the people who have an identity as a user of a machine. As such users they count as one
// person, and cannot approve for each other.
func (b *Rulebook) LocalPeople() (ids []string) {
	for _, one := range b.People {
		if slices.ContainsFunc(one.Identities, Actor.IsLocal) {
			ids = append(ids, one.ID)
		}
	}
	return ids
}

func (b *Rulebook) includesLocal(p Principal) bool {
	if Actor(p).IsLocal() {
		return true
	}
	return slices.ContainsFunc(b.People, func(one Person) bool {
		isMeant := one.ID == string(p) || slices.Contains(b.Group(p).People, one.ID)
		return isMeant && slices.ContainsFunc(one.Identities, Actor.IsLocal)
	})
}

// subject is an actor with the facts that rules depend on.
type subject struct {
	identity Actor
	person   string // empty: not known
	groups   []string
	external bool
	isMeant  map[meaning]bool // what isOne found out; each decision has a map of its own
}

// meaning is whether a rule of that effect means the subject by a principal.
type meaning struct {
	principal Principal
	effect    Effect
}

func (b *Rulebook) subject(identity Actor, groups []string, external bool) subject {
	a := subject{identity: identity, groups: groups, external: external, isMeant: map[meaning]bool{}}
	if person, known := (Policy{Book: b}).Person(identity); known {
		a.person = person
	}
	return a
}

const slackGroup = "slack-group:"

// UnknownMembership is an entry of [Ask.Groups] for a Slack user group whose members could not be read: it gives
// the actor no right, and a deny for the group holds.
func UnknownMembership(group string) string { return "?" + group }

// isIn reports whether the subject is in a Slack user group, for a rule of that effect.
func (a subject) isIn(group string, effect Effect) bool {
	return slices.Contains(a.groups, group) || effect == Deny && slices.Contains(a.groups, UnknownMembership(group))
}

func (b *Rulebook) isAmong(principals []Principal, a subject, effect Effect) bool {
	return slices.ContainsFunc(principals, func(p Principal) bool {
		is, known := a.isMeant[meaning{p, effect}]
		if !known {
			is = b.isOne(p, a, effect)
			a.isMeant[meaning{p, effect}] = is
		}
		return is
	})
}

// isOne reports whether a principal means the subject. An allow includes people of other workspaces by [External]
// alone, a deny by every principal that fits.
func (b *Rulebook) isOne(p Principal, a subject, effect Effect) bool {
	switch {
	case p == External:
		return a.external
	case a.external && effect == Allow:
		return false
	case p == Everybody || p == Principal(a.identity):
		return true
	case a.identity == anyLocal && effect == Deny && b.includesLocal(p):
		return true
	case strings.HasPrefix(string(p), slackGroup) && a.isIn(strings.TrimPrefix(string(p), slackGroup), effect):
		return true
	case a.person != "" && (p == Principal(a.person) || slices.Contains(b.Group(p).People, a.person)):
		return true
	}
	return slices.ContainsFunc(b.Group(p).SlackGroups, func(id string) bool { return a.isIn(id, effect) })
}
