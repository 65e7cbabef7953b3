package permissions

import "slices"

// Rulebook is a valid policy file; package policy reads it. Nobody changes it. In its lists nil means any, and an
// empty list nobody or nothing.
type Rulebook struct {
	People    []Person
	Groups    []Group
	Rules     []Rule
	Protected []ServerPattern // servers on which disruptive and destructive operations need a second person
	Budgets   map[string]Rate // by the budget's name; missing: the default
	Confirm   map[Risk][]Surface
	Slack     SlackChannels
}

// Person is one human being with all their identities, which count as one.
type Person struct {
	ID         string
	Identities []Actor
}

// Group is people and Slack user groups under one name.
type Group struct {
	Name        string
	People      []string // their IDs
	SlackGroups []string // "S…"
}

// Group returns the group that a principal names; the zero value if it names none.
func (b *Rulebook) Group(p Principal) Group {
	i := slices.IndexFunc(b.Groups, func(g Group) bool { return g.Name == string(p) })
	if i < 0 {
		return Group{}
	}
	return b.Groups[i]
}

// SlackChannels are ids of channels; empty: none.
type SlackChannels struct{ Approvals, Audit string }

// Effect is the effect of a rule.
type Effect string

// The effects. A deny that matches wins over every allow.
const (
	Allow Effect = "allow"
	Deny  Effect = "deny"
)

// Rule matches an ask as a whole or not at all.
type Rule struct {
	Name       string
	Effect     Effect
	Who        []Principal
	Where      []Place
	Operations []Glob
	Risks      []Risk
	Servers    []ServerPattern
	Approvers  *Approvers // of an allow; nil: nobody else must agree
}

// Principals are all whom the rule names, its approvers included.
func (r Rule) Principals() []Principal {
	if r.Approvers == nil {
		return r.Who
	}
	return slices.Concat(r.Who, r.Approvers.Who)
}

// Approvers are the people who must agree beside the requester.
type Approvers struct {
	Count int
	Who   []Principal // nil: everybody whom the policy would let run it from there
}

// Principal is somebody in a rule: "*" (everybody of the installation's own workspace), "slack-external" (people of
// other workspaces), an identity such as "slack:U…", "slack-group:S…", or the name of a person or a group.
type Principal string

// The principals with a meaning of their own.
const (
	Everybody Principal = "*"
	External  Principal = "slack-external"
)

// Place is a surface, or one Slack channel as "slack:C…".
type Place string

func (w Place) includes(ask Ask) bool {
	return w == Place(ask.Surface) || w == ask.place()
}

func (a Ask) place() Place {
	if a.Surface == Slack && a.Channel != "" {
		return Place("slack:" + a.Channel)
	}
	return Place(a.Surface)
}
