package permissions

// Rulebook is what a policy file says, checked: package policy reads it. It is a value that
// nobody changes. In its lists nil means any, and an empty list nobody or nothing.
type Rulebook struct {
	People    []Person
	Groups    []Group
	Rules     []Rule
	Protected []ServerPattern // disruptive and destructive need a second person
	Budgets   map[string]Rate // by the budget's name; missing: the default
	Confirm   map[Risk][]Surface
	Slack     SlackChannels
}

// Person is one human being with all the identities that count as one.
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

// SlackChannels are the ids of the channels that the policy names; empty: none.
type SlackChannels struct{ Approvals, Audit string }

// Effect is what a rule does.
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
	Approvers  *Approvers // of an allow; nil: it demands nobody
}

// Approvers is how many people must agree beside the requester, and which.
type Approvers struct {
	Count int
	Who   []Principal // nil: whoever the policy would let run it there
}

// Principal is a word for who: "*" (everybody of the installation's own workspace),
// "slack-external" (the strangers), an identity such as "slack:U…", "slack-group:S…", or
// the name of a person or a group.
type Principal string

// The principals that are no names.
const (
	Everybody Principal = "*"
	External  Principal = "slack-external"
)

// Place is a word for where: a surface, or one Slack channel as "slack:C…".
type Place string

func (w Place) includes(ask Ask) bool {
	return w == Place(ask.Surface) || w == ask.place()
}

// place is where an ask comes from, the channel included.
func (a Ask) place() Place {
	if a.Surface == Slack && a.Channel != "" {
		return Place("slack:" + a.Channel)
	}
	return Place(a.Surface)
}
