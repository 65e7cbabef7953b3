package policy

import (
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

// warn adds the warnings: what is legal and hardly meant.
func (v *validator) warn() {
	if len(v.Book.Rules) == 0 {
		v.warnf(1, "there are no rules, so everything is refused")
	}
	namesSlack := v.namesSlack()
	for i, rule := range v.Book.Rules {
		v.warnOfRule(v.file.Rules[i].line, rule, namesSlack)
	}
	if at := v.file.Protected.line; at > 0 && len(v.Book.Protected) == 0 {
		v.warnf(at, "protected names no server, so none is protected")
	} else if at > 0 && len(v.Book.People) < 2 {
		v.warnf(at, "protected servers need a second person, and the file has fewer than two people")
	}
	v.warnOfLocalUsers()
	v.warnOfRenames()
}

// warnOfRule warns of one rule. namesSlack is that of the file.
func (v *validator) warnOfRule(line int, rule permissions.Rule, namesSlack bool) {
	if why := v.whyNeverMatches(rule); why != "" {
		v.warnf(line, "the rule %q can never match: %s", rule.Name, why)
		return
	}
	for _, act := range permissions.Acts {
		if slices.Contains(rule.Operations, permissions.Glob(act)) && !rule.NamesAct(act) {
			v.warnf(line, "the rule %q gives %s to nobody: it has neither a risk nor a server, so leave risks and servers out", rule.Name, act)
		}
	}
	if rule.Effect == permissions.Deny {
		return
	}
	inSlack := rule.Where == nil || slices.ContainsFunc(rule.Where, func(p permissions.Place) bool { return surfaceOf(p) == permissions.Slack })
	if inSlack && namesSlack && slices.Contains(rule.Who, permissions.Everybody) {
		v.warnf(line, "the rule %q also allows it to guests of the Slack workspace, since * includes them: name people or a group if that is not meant", rule.Name)
	}
	if rule.Approvers == nil {
		return
	}
	v.checkApproverCount(line, rule)
	if all(v.operationsOf(rule), func(op Operation) bool { return op.Risk == permissions.Read }) {
		v.warnf(line, "the rule %q names approvers, and is about reads alone, which need no approval", rule.Name)
	}
}

// warnOfLocalUsers warns of people who should agree for others and are known as users of a machine alone:
// the users of one machine count as one person.
func (v *validator) warnOfLocalUsers() {
	wantsApproval := len(v.Book.Protected) > 0 || slices.ContainsFunc(v.Book.Rules, func(rule permissions.Rule) bool { return rule.Approvers != nil })
	locals := v.Book.LocalPeople()
	if !wantsApproval || len(locals) < 2 {
		return
	}
	for i, one := range v.Book.People {
		if len(one.Identities) > 0 && all(one.Identities, permissions.Actor.IsLocal) {
			v.warnf(v.file.People[i].line, "%s is known as a user of a machine alone, and users of one machine (%s) never agree for each other: add an access key or a Slack user", one.ID, strings.Join(locals, ", "))
		}
	}
}

func (v *validator) namesSlack() bool {
	var words []string
	for _, p := range v.Book.People {
		words = append(words, text.Strings(p.Identities)...)
	}
	for _, rule := range v.Book.Rules {
		words = append(append(words, text.Strings(rule.Where)...), text.Strings(rule.Who)...)
	}
	isNamed := slices.ContainsFunc(words, func(word string) bool {
		kind, _, _ := strings.Cut(word, ":")
		return kind == "slack" || kind == "slack-group" || word == string(permissions.External)
	})
	hasMembers := func(g permissions.Group) bool { return len(g.SlackGroups) > 0 }
	return isNamed || v.Book.Slack != permissions.SlackChannels{} || slices.ContainsFunc(v.Book.Groups, hasMembers)
}

func (v *validator) whyNeverMatches(rule permissions.Rule) string {
	operations := v.operationsOf(rule)
	namesAct := slices.ContainsFunc(permissions.Acts, func(act permissions.Act) bool { return slices.Contains(rule.Operations, permissions.Glob(act)) })
	isAnyServer := func(p permissions.ServerPattern) bool { return strings.Trim(string(p), "*") == "" }
	switch {
	case len(rule.Who) == 0:
		return "who is empty, so it means nobody"
	case isEmpty(rule.Where), isEmpty(rule.Operations), isEmpty(rule.Risks), isEmpty(rule.Servers):
		return "it has an empty list, which means nothing; leave the key out for any"
	case !v.isAskable(rule):
		return "nobody named by who can ask from the places of where: Slack users ask in Slack, keys and local users at a terminal or over MCP"
	case len(operations) == 0 && namesAct:
		return ""
	case len(operations) == 0:
		return "no operation has one of its names and one of its risks"
	case rule.Servers != nil && !slices.ContainsFunc(rule.Servers, isAnyServer) && !slices.ContainsFunc(operations, func(op Operation) bool { return op.OnServer }):
		return "it names servers, and its operations are about none; leave servers out"
	}
	return ""
}

// isEmpty reports whether a list was written and has nothing in it.
func isEmpty[T any](list []T) bool { return list != nil && len(list) == 0 }

func all[T any](list []T, ok func(T) bool) bool {
	return !slices.ContainsFunc(list, func(one T) bool { return !ok(one) })
}

func (v *validator) operationsOf(rule permissions.Rule) (operations []Operation) {
	for _, op := range v.operations {
		isNamed := rule.Operations == nil || slices.ContainsFunc(rule.Operations, func(g permissions.Glob) bool { return g.Matches(op.Name) })
		// Some changes of a server, a rename for one, can be disruptive.
		isRaised := op.Risk == permissions.Change && op.OnServer && slices.Contains(rule.Risks, permissions.Disruptive)
		if isNamed && (rule.Risks == nil || isRaised || slices.Contains(rule.Risks, op.Risk)) {
			operations = append(operations, op)
		}
	}
	return operations
}

var surfaces = []permissions.Surface{permissions.Slack, permissions.MCP, permissions.Terminal}

func surfaceOf(p permissions.Place) permissions.Surface {
	surface, _, _ := strings.Cut(string(p), ":")
	return permissions.Surface(surface)
}

// isAskable reports whether anybody whom the rule names can ask from where it says.
func (v *validator) isAskable(rule permissions.Rule) bool {
	return slices.ContainsFunc(surfaces, func(s permissions.Surface) bool {
		isHere := rule.Where == nil || slices.ContainsFunc(rule.Where, func(p permissions.Place) bool { return surfaceOf(p) == s })
		return isHere && slices.ContainsFunc(rule.Who, func(p permissions.Principal) bool { return v.canAskFrom(p, s) })
	})
}

func (v *validator) canAskFrom(p permissions.Principal, at permissions.Surface) bool {
	kind, _, isIdentity := strings.Cut(string(p), ":")
	switch {
	case p == permissions.Everybody:
		return true
	case p == permissions.External, kind == "slack-group" && isIdentity:
		return at == permissions.Slack
	case isIdentity:
		return isUsedAt(permissions.Actor(p), at)
	}
	g := v.Book.Group(p)
	return at == permissions.Slack && len(g.SlackGroups) > 0 || len(identitiesOf(v.Book, string(p), at)) > 0 ||
		slices.ContainsFunc(g.People, func(id string) bool { return len(identitiesOf(v.Book, id, at)) > 0 })
}

// checkApproverCount warns of people who can ask and whose request can never be approved, such as the one
// member of a group that approves its own requests.
func (v *validator) checkApproverCount(line int, rule permissions.Rule) {
	requesters, slackKnowsMore := v.peopleOf(rule.Who)
	if len(requesters) == 0 && !slackKnowsMore {
		v.warnf(line, "the rule %q needs approvers, and nobody named by its who is listed under people: only people listed there can ask for what needs approvers", rule.Name)
		return
	}
	named := rule.Approvers.Who
	if named == nil {
		named = []permissions.Principal{permissions.Everybody}
	}
	approvers, slackKnowsMore := v.peopleOf(named)
	if slackKnowsMore {
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
		v.warnf(line, "the rule %q has too few approvers for a request of %s; nobody approves their own request", rule.Name, strings.Join(stuck, ", "))
	}
}

// peopleOf returns the ids of the people whom the principals mean. slackKnowsMore is set where a user group
// of Slack is among them.
func (v *validator) peopleOf(principals []permissions.Principal) (ids []string, slackKnowsMore bool) {
	var members []string
	for _, p := range principals {
		members = append(members, v.Book.Group(p).People...)
	}
	for _, person := range v.Book.People {
		if slices.Contains(members, person.ID) || slices.ContainsFunc(principals, func(p permissions.Principal) bool {
			return p == permissions.Everybody || string(p) == person.ID || slices.Contains(person.Identities, permissions.Actor(p))
		}) {
			ids = append(ids, person.ID)
		}
	}
	return ids, slices.ContainsFunc(principals, func(p permissions.Principal) bool {
		return strings.HasPrefix(string(p), "slack-group:") || len(v.Book.Group(p).SlackGroups) > 0
	})
}

const maxRenames = 20_000 // that are tried: a person, a name before, a name after

// warnOfRenames warns of every rename that would win somebody a right: from the names of one pattern to those
// of another, by somebody who may rename both.
func (v *validator) warnOfRenames() {
	renamers, patterns := v.renamers(), v.namePatterns()
	if len(renamers)*len(patterns)*len(patterns) > maxRenames {
		v.warnf(0, "there are too many people and patterns to check every rename here; a rename that gives somebody a right still needs the yes of a person who has that right")
		return
	}
	for _, from := range patterns {
		for _, to := range patterns {
			winners := slices.DeleteFunc(slices.Clone(renamers), func(who permissions.Principal) bool { return from == to || !v.winsByRename(who, from, to) })
			if len(winners) > 0 {
				v.warnf(0, "a rename from %s to %s, which %s may ask for, lets somebody do more than before; it needs the yes of a person who may already do that",
					from, to, strings.Join(text.Strings(winners), ", "))
			}
		}
	}
}

func (v *validator) renamers() (who []permissions.Principal) {
	for _, rule := range v.Book.Rules {
		isRename := func(op Operation) bool { return op.Renames }
		if rule.Effect == permissions.Allow && slices.ContainsFunc(v.operationsOf(rule), isRename) {
			who = append(who, rule.Who...)
		}
	}
	slices.Sort(who)
	return slices.Compact(who)
}

// namePatterns are the patterns over names in the rules and the protection, and a name that fits none.
func (v *validator) namePatterns() []permissions.ServerPattern {
	patterns := slices.Concat(v.Book.Protected, []permissions.ServerPattern{"any other name"})
	for _, rule := range v.Book.Rules {
		patterns = append(patterns, rule.Servers...)
	}
	patterns = slices.DeleteFunc(patterns, func(p permissions.ServerPattern) bool { return p.IsID() || strings.Trim(string(p), "*") == "" })
	slices.Sort(patterns)
	return slices.Compact(patterns)
}

// winsByRename reports whether a principal who renames a server between two patterns wins a right.
func (v *validator) winsByRename(who permissions.Principal, from, to permissions.ServerPattern) bool {
	sample := func(p permissions.ServerPattern) string {
		return strings.NewReplacer("*", "1", "?", "1", " ", "-").Replace(string(p))
	}
	for _, at := range surfaces {
		for _, op := range v.operations {
			if !op.Renames {
				continue
			}
			asks := Document{Book: v.Book}.asksOf(string(who), permissions.Ask{
				Surface: at, Operation: op.Name, Risk: permissions.Change,
				Target: &permissions.TargetServer{Name: sample(from)}, NewName: sample(to),
			})
			wins := func(ask permissions.Ask) bool {
				return (permissions.Policy{Book: v.Book}).Decide(ask).Rule == permissions.ByRename
			}
			if v.canAskFrom(who, at) && slices.ContainsFunc(asks, wins) {
				return true
			}
		}
	}
	return false
}
