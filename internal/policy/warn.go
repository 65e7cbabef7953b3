package policy

import (
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/permissions"
)

// warn doubts what is legal and can hardly be meant.
func (r *reader) warn() {
	if len(r.book.Rules) == 0 {
		r.doubt(1, "there are no rules, so everything is refused")
	}
	for i, rule := range r.book.Rules {
		line := r.lines[i]
		if why := r.dead(rule); why != "" {
			r.doubt(line, "the rule %q can never match: %s", rule.Name, why)
			continue
		}
		for _, act := range permissions.Acts {
			if slices.Contains(rule.Operations, permissions.Glob(act)) && !rule.Names(act) {
				r.doubt(line, "the rule %q gives %s to nobody: it has neither a risk nor a server, so leave risks and servers out", rule.Name, act)
			}
		}
		if rule.Effect == permissions.Deny {
			continue
		}
		if by, ok := r.shadow(rule); ok && !namesAct(rule) {
			r.doubt(line, "the rule %q never allows anything: the rule %q denies all of it", rule.Name, by)
		}
		r.guests(line, rule)
		if rule.Approvers != nil {
			r.lonely(line, rule)
			r.idle(line, rule)
		}
	}
	if len(r.book.Protected) > 0 && len(r.book.People) < 2 {
		r.doubt(r.protected, "protected servers need a second person, and the file has fewer than two people")
	}
	r.warnOfLocals()
	r.warnOfRenames()
	if r.protected > 0 && len(r.book.Protected) == 0 {
		r.doubt(r.protected, "protected names no server, so none is protected")
	}
}

// warnOfLocals doubts people who can agree for another as users of a machine alone, where others are
// known so too: the users of one machine count as one person.
func (r *reader) warnOfLocals() {
	asks := len(r.book.Protected) > 0 || slices.ContainsFunc(r.book.Rules, func(rule permissions.Rule) bool { return rule.Approvers != nil })
	who := r.book.LocalPeople()
	if !asks || len(who) < 2 {
		return
	}
	for i, one := range r.book.People {
		if len(one.Identities) > 0 && all(one.Identities, permissions.Actor.IsLocal) {
			r.doubt(r.at[i], "%s is known as a user of a machine alone, and users of one machine (%s) never agree for each other: add an access key or a Slack user", one.ID, strings.Join(who, ", "))
		}
	}
}

// guests doubts an allow to everybody in Slack: guests of the workspace, whom somebody invited for one
// channel, are everybody too.
func (r *reader) guests(line int, rule permissions.Rule) {
	inSlack := rule.Where == nil || slices.ContainsFunc(rule.Where, func(p permissions.Place) bool { return surfaceOf(p) == permissions.Slack })
	if inSlack && r.usesSlack() && slices.Contains(rule.Who, permissions.Everybody) {
		r.doubt(line, "the rule %q allows it to guests of the Slack workspace as well, who are among *: name people or a group if that is not meant", rule.Name)
	}
}

// usesSlack reports whether the file has anything of Slack in it.
func (r *reader) usesSlack() bool {
	ofSlack := func(word string) bool {
		kind, _, _ := strings.Cut(word, ":")
		return kind == "slack" || kind == "slack-group" || word == string(permissions.External)
	}
	b := r.book
	return b.Slack != permissions.SlackChannels{} ||
		slices.ContainsFunc(b.People, func(p permissions.Person) bool {
			return slices.ContainsFunc(p.Identities, func(who permissions.Actor) bool { return ofSlack(string(who)) })
		}) ||
		slices.ContainsFunc(b.Groups, func(g permissions.Group) bool { return len(g.SlackGroups) > 0 }) ||
		slices.ContainsFunc(b.Rules, func(rule permissions.Rule) bool {
			return slices.ContainsFunc(rule.Where, func(p permissions.Place) bool { return ofSlack(string(p)) }) ||
				slices.ContainsFunc(rule.Who, func(p permissions.Principal) bool { return ofSlack(string(p)) })
		})
}

// idle doubts approvers of a rule that is about reads alone: nobody is ever asked for those.
func (r *reader) idle(line int, rule permissions.Rule) {
	if all(r.reach(rule), func(op Operation) bool { return op.Risk == permissions.Read }) {
		r.doubt(line, "the rule %q names approvers, and is about reads alone, which nobody is asked for", rule.Name)
	}
}

// dead says why a rule can never match; "" if it can.
func (r *reader) dead(rule permissions.Rule) string {
	ops := r.reach(rule)
	switch {
	case len(rule.Who) == 0:
		return "who is empty, so it means nobody"
	case empty(rule.Where), empty(rule.Operations), empty(rule.Risks), empty(rule.Servers):
		return "it has an empty list, which means nothing; leave the key out for any"
	case !r.anybodyStands(rule):
		return "nobody of its who can be at its where: Slack users ask in Slack, keys and local users at a terminal or over MCP"
	case len(ops) == 0 && namesAct(rule):
		return ""
	case len(ops) == 0:
		return "no operation has one of its names and one of its risks"
	case !slices.ContainsFunc(ops, func(op Operation) bool { return op.OnServer }) && !holdsNoServer(rule.Servers):
		return "it names servers, and its operations are about none; leave servers out"
	}
	return ""
}

func namesAct(rule permissions.Rule) bool {
	return slices.ContainsFunc(permissions.Acts, func(act permissions.Act) bool { return slices.Contains(rule.Operations, permissions.Glob(act)) })
}

func empty[T any](list []T) bool { return list != nil && len(list) == 0 }

// holdsNoServer reports whether the patterns match an operation that has no server.
func holdsNoServer(patterns []permissions.ServerPattern) bool {
	return patterns == nil || slices.ContainsFunc(patterns, func(p permissions.ServerPattern) bool {
		return strings.Trim(string(p), "*") == ""
	})
}

// reach returns the operations that a rule is about.
func (r *reader) reach(rule permissions.Rule) (ops []Operation) {
	for _, op := range r.operations {
		named := rule.Operations == nil || slices.ContainsFunc(rule.Operations, func(g permissions.Glob) bool { return g.Matches(op.Name) })
		// Some changes of a server, a rename for one, can be disruptive.
		raised := op.Risk == permissions.Change && op.OnServer && slices.Contains(rule.Risks, permissions.Disruptive)
		if named && (rule.Risks == nil || raised || slices.Contains(rule.Risks, op.Risk)) {
			ops = append(ops, op)
		}
	}
	return ops
}

var surfaces = []permissions.Surface{permissions.Slack, permissions.MCP, permissions.Terminal}

func (r *reader) anybodyStands(rule permissions.Rule) bool {
	return slices.ContainsFunc(surfaces, func(s permissions.Surface) bool {
		at := rule.Where == nil || slices.ContainsFunc(rule.Where, func(p permissions.Place) bool { return surfaceOf(p) == s })
		return at && slices.ContainsFunc(rule.Who, func(p permissions.Principal) bool { return r.stands(p, s) })
	})
}

func surfaceOf(p permissions.Place) permissions.Surface {
	surface, _, _ := strings.Cut(string(p), ":")
	return permissions.Surface(surface)
}

// stands reports whether anybody of the party can be at the surface.
func (r *reader) stands(p permissions.Principal, at permissions.Surface) bool {
	kind, _, identity := strings.Cut(string(p), ":")
	switch {
	case p == permissions.Everybody:
		return true
	case p == permissions.External, kind == "slack-group" && identity:
		return at == permissions.Slack
	case identity:
		return standsAt(permissions.Actor(p), at)
	}
	if g, ok := r.group(p); ok {
		if at == permissions.Slack && len(g.SlackGroups) > 0 {
			return true
		}
		return slices.ContainsFunc(g.People, func(id string) bool { return r.stands(permissions.Principal(id), at) })
	}
	return len(Document{Book: r.book}.identities(string(p), at)) > 0
}

func (r *reader) group(p permissions.Principal) (permissions.Group, bool) {
	for _, g := range r.book.Groups {
		if g.Name == string(p) {
			return g, true
		}
	}
	return permissions.Group{}, false
}
