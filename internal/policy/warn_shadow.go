package policy

import (
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/permissions"
)

// shadow returns the deny that takes away all that an allow gives.
func (r *reader) shadow(allow permissions.Rule) (by string, ok bool) {
	for _, deny := range r.book.Rules {
		if deny.Effect == permissions.Deny && r.allParties(deny.Who, allow.Who) && allPlaces(deny.Where, allow.Where) &&
			allServers(deny.Servers, allow.Servers) && r.allOperations(deny, allow) {
			return deny.Name, true
		}
	}
	return "", false
}

func (r *reader) allParties(deny, allow []permissions.Principal) bool {
	if slices.Contains(deny, permissions.Everybody) {
		return true
	}
	return all(allow, func(p permissions.Principal) bool {
		return slices.Contains(deny, p) || slices.ContainsFunc(deny, func(d permissions.Principal) bool {
			g, ok := r.group(d)
			return ok && slices.Contains(g.People, string(p))
		})
	})
}

func allPlaces(deny, allow []permissions.Place) bool {
	if allow == nil {
		allow = []permissions.Place{"slack", "mcp", "terminal"}
	}
	return deny == nil || all(allow, func(p permissions.Place) bool {
		return slices.Contains(deny, p) || slices.Contains(deny, permissions.Place(surfaceOf(p)))
	})
}

func allServers(deny, allow []permissions.ServerPattern) bool {
	if allow == nil {
		allow = []permissions.ServerPattern{"*"}
	}
	return deny == nil || all(allow, func(p permissions.ServerPattern) bool {
		return slices.ContainsFunc(deny, func(d permissions.ServerPattern) bool { return d.Covers(p) })
	})
}

func (r *reader) allOperations(deny, allow permissions.Rule) bool {
	denied := r.reach(permissions.Rule{Operations: deny.Operations})
	return all(r.reach(allow), func(op Operation) bool {
		return slices.Contains(denied, op) && (deny.Risks == nil || slices.Contains(deny.Risks, op.Risk))
	})
}

func all[T any](list []T, ok func(T) bool) bool {
	return !slices.ContainsFunc(list, func(one T) bool { return !ok(one) })
}

// lonely warns of people who may ask and can never be agreed with: a group of one that
// would have to approve itself.
func (r *reader) lonely(line int, rule permissions.Rule) {
	requesters, open := r.persons(rule.Who)
	if len(requesters) == 0 && !open {
		r.doubt(line, "nobody of who in the rule %q is under people, and only they can ask where others must agree", rule.Name)
		return
	}
	approvers, open := r.persons(rule.Approvers.Who)
	if rule.Approvers.Who == nil {
		approvers, open = r.persons([]permissions.Principal{permissions.Everybody})
	}
	if open {
		return
	}
	var stuck []string
	for _, id := range requesters {
		others := slices.DeleteFunc(slices.Clone(approvers), func(other string) bool { return other == id })
		if len(others) < rule.Approvers.Count {
			stuck = append(stuck, id)
		}
	}
	if len(stuck) > 0 {
		r.doubt(line, "in the rule %q too few others can approve what %s asks for; nobody approves their own request", rule.Name, strings.Join(stuck, ", "))
	}
}

// persons are the people that the parties mean. open is set where Slack knows of more.
func (r *reader) persons(parties []permissions.Principal) (ids []string, open bool) {
	for _, person := range r.book.People {
		if slices.ContainsFunc(parties, func(p permissions.Principal) bool {
			g, _ := r.group(p)
			return p == permissions.Everybody || string(p) == person.ID || slices.Contains(g.People, person.ID) ||
				slices.Contains(person.Identities, permissions.Actor(p))
		}) {
			ids = append(ids, person.ID)
		}
	}
	return ids, slices.ContainsFunc(parties, func(p permissions.Principal) bool {
		g, _ := r.group(p)
		return strings.HasPrefix(string(p), "slack-group:") || len(g.SlackGroups) > 0
	})
}
