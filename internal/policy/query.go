package policy

import (
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/permissions"
)

// Nobody in particular, for "*" and the like in a query. No id of Slack has this form, so
// no rule names them by it.
const unlisted = "(somebody)"

// Asks turns a query into what the policy is asked: once for each identity that a person
// has at that place, or once for the person as such where there is none.
func (d Document) Asks(q Query) ([]permissions.Ask, error) {
	r := &reader{operations: d.operations, book: d.Book, names: namesOf(d.Book)}
	r.single(word{q.Who, 1})
	r.place(word{q.Where, 1})
	r.known(word{q.Operation, 1})
	if len(r.problems) > 0 {
		return nil, plainly(r.problems)
	}
	surface, channel, _ := strings.Cut(q.Where, ":")
	ask := permissions.Ask{
		Surface: permissions.Surface(surface), Channel: channel, Operation: q.Operation, NewName: q.NewName,
	}
	op := d.operations[slices.IndexFunc(d.operations, func(op Operation) bool { return op.Name == q.Operation })]
	ask.Risk = op.Risk
	ask.Target = target(q.Server, op)
	return d.by(q.Who, ask), nil
}

// target is the server of a query; nil: not known.
func target(server string, op Operation) *permissions.TargetServer {
	switch {
	case !op.OnServer:
		return &permissions.TargetServer{}
	case server == "":
		return nil
	case permissions.ServerPattern(server).IsID():
		return &permissions.TargetServer{ID: server}
	}
	return &permissions.TargetServer{Name: server}
}

// by lets somebody ask.
func (d Document) by(who string, ask permissions.Ask) (asks []permissions.Ask) {
	ask.Actor = permissions.Actor(who)
	if group, ok := strings.CutPrefix(who, "slack-group:"); ok {
		ask.Actor = somebodyAt(ask.Surface)
		if ask.Surface == permissions.Slack { // elsewhere nobody knows of Slack's groups
			ask.Groups = []string{group}
		}
	}
	switch permissions.Principal(who) {
	case permissions.Everybody:
		ask.Actor = somebodyAt(ask.Surface)
	case permissions.External:
		ask.Actor, ask.External = somebodyAt(ask.Surface), true
	}
	for _, identity := range d.identities(who, ask.Surface) {
		one := ask
		one.Actor = identity
		asks = append(asks, one)
	}
	if asks == nil {
		return []permissions.Ask{ask}
	}
	return asks
}

func somebodyAt(surface permissions.Surface) permissions.Actor {
	if surface == permissions.Slack {
		return permissions.SlackUser(unlisted)
	}
	return permissions.Key(unlisted)
}

// identities are those that a person can have at the surface.
func (d Document) identities(person string, surface permissions.Surface) (found []permissions.Actor) {
	for _, p := range d.Book.People {
		for _, identity := range p.Identities {
			if p.ID == person && standsAt(identity, surface) {
				found = append(found, identity)
			}
		}
	}
	return found
}

// standsAt reports whether an identity can be at a surface: Slack users in Slack, all
// others elsewhere.
func standsAt(identity permissions.Actor, surface permissions.Surface) bool {
	return strings.HasPrefix(string(identity), "slack:") == (surface == permissions.Slack)
}

func namesOf(b *permissions.Rulebook) (n names) {
	for _, p := range b.People {
		n.people = append(n.people, p.ID)
	}
	for _, g := range b.Groups {
		n.groups = append(n.groups, g.Name)
	}
	return n
}

// plainly is the first problem without a line: it is not about a file.
func plainly(problems Problems) error { return queryError(problems[0].Text) }

type queryError string

func (e queryError) Error() string { return string(e) }
