package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/permissions"
)

// validator turns a decoded file into a document. It collects every error, and the warnings.
type validator struct {
	Document
	file     policyFile
	problems Problems
}

func (v *validator) errorf(line int, format string, args ...any) {
	v.problems.add(line, format, args...)
}

func (v *validator) warnf(line int, format string, args ...any) {
	v.Warnings = append(v.Warnings, Problem{line, fmt.Sprintf(format, args...)})
}

// validate goes through all sections. People and groups come first, since the other sections name them.
func (v *validator) validate() {
	f := v.file
	if !f.Version.isWritten() {
		v.errorf(1, "the policy has no version; add the line version: 1")
	} else if f.Version.text != "1" {
		v.errorf(f.Version.line, "version %s is not known; this vpsbot reads version: 1", f.Version.text)
	}
	v.validatePeople()
	v.validateGroups()
	v.validateRules()
	if f.Protected.isWritten() {
		v.require(f.Protected.line, "protected", "servers", f.Protected.fields.Servers != nil)
		v.Book.Protected = each(f.Protected.fields.Servers, v.serverPattern)
	}
	v.Book.Budgets = map[string]permissions.Rate{}
	v.budget("deletions", f.Budgets.fields.Deletions)
	v.budget("destructive", f.Budgets.fields.Destructive)
	v.Book.Confirm = map[permissions.Risk][]permissions.Surface{}
	v.confirm(permissions.Disruptive, f.Confirm.fields.Disruptive)
	v.confirm(permissions.Billable, f.Confirm.fields.Billable)
	v.confirm(permissions.Destructive, f.Confirm.fields.Destructive)
	v.Book.Slack = permissions.SlackChannels{Approvals: v.channel(f.Slack.fields.Approvals), Audit: v.channel(f.Slack.fields.Audit)}
	v.policyTests()
}

func (v *validator) require(line int, what, key string, isWritten bool) bool {
	if !isWritten {
		v.errorf(line, "%s has no %s; add it", what, key)
	}
	return isWritten
}

func (v *validator) validatePeople() {
	owners := map[permissions.Actor]string{}
	for _, m := range v.file.People {
		id := ""
		if v.require(m.line, "a person", "id", m.fields.ID.isWritten()) {
			id = v.newName(m.fields.ID, "the id of a person")
		}
		identities := slices.DeleteFunc(slices.Clone(m.fields.Slack), func(w word) bool { return !v.slackID(w, userID, "user", "U024BE7LH") })
		p := permissions.Person{ID: id}
		for _, group := range []struct {
			kind  string
			names []word
		}{{"slack", identities}, {"key", m.fields.Keys}, {"local", m.fields.Local}} {
			for _, w := range group.names {
				identity := permissions.Actor(group.kind + ":" + w.text)
				v.warnOfKeyName(word{string(identity), w.line})
				if owner, isTaken := owners[identity]; isTaken {
					v.errorf(w.line, "%s belongs to %s already; an identity is one person's, once", identity, owner)
					continue
				}
				owners[identity] = cmp.Or(id, "a person")
				p.Identities = append(p.Identities, identity)
			}
		}
		v.people = append(v.people, id)
		v.Book.People = append(v.Book.People, p)
		if len(p.Identities) == 0 {
			v.warnf(m.line, "%s has no identity, so nobody can act as %s; add slack, keys or local", id, id)
		}
	}
}

var plainName = pattern(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

func (v *validator) newName(w word, what string) string {
	switch {
	case !plainName(w.text) || w.text == string(permissions.External):
		v.errorf(w.line, "%s is %q; use letters, digits, dots, hyphens and underscores, and no word that means something else", what, w.text)
		return ""
	case v.isDefined(w.text):
		v.errorf(w.line, "there are two of %q; people and groups all need names of their own", w.text)
		return ""
	}
	return w.text
}

func (v *validator) isDefined(name string) bool {
	return slices.Contains(v.people, name) || slices.Contains(v.groups, name)
}

func (v *validator) validateGroups() {
	for _, g := range v.file.Groups {
		name := v.newName(g.name, "the name of a group")
		group := permissions.Group{Name: name}
		group.People = each(g.members.fields.People, func(w word) (string, bool) {
			isKnown := slices.Contains(v.people, w.text)
			if !isKnown {
				v.errorf(w.line, "%q is no person of this file%s; add it under people", w.text, suggestion(w.text, v.people))
			}
			return w.text, isKnown
		})
		group.SlackGroups = each(g.members.fields.SlackGroups, func(w word) (string, bool) {
			return w.text, v.slackID(w, groupID, "user group", "S0614TZR7")
		})
		v.groups = append(v.groups, name)
		v.Book.Groups = append(v.Book.Groups, group)
		if len(group.People)+len(group.SlackGroups) == 0 {
			v.warnf(g.name.line, "the group %s has nobody in it", name)
		}
	}
}

func (v *validator) validateRules() {
	taken := map[string]bool{permissions.ByProtection: true}
	for _, m := range v.file.Rules {
		f := m.fields
		v.require(m.line, "a rule", "name", f.Name.isWritten())
		v.require(m.line, "a rule", "effect", f.Effect.isWritten())
		v.require(m.line, "a rule", "who", f.Who != nil)
		if taken[f.Name.text] {
			v.errorf(m.line, "the name %q is taken; give the rule one of its own", f.Name.text)
		}
		taken[f.Name.text] = f.Name.isWritten()
		effect := permissions.Effect(f.Effect.text)
		if f.Effect.isWritten() && effect != permissions.Allow && effect != permissions.Deny {
			v.errorf(f.Effect.line, "%q is not an effect; write allow or deny", f.Effect.text)
		}
		if effect == permissions.Deny && f.Approvers.isWritten() {
			v.errorf(m.line, "the rule %q denies, so nobody can approve; take approvers out, or make it an allow", f.Name.text)
		}
		v.Book.Rules = append(v.Book.Rules, permissions.Rule{
			Name: f.Name.text, Effect: effect, Who: each(f.Who, v.principal), Where: each(f.Where, v.place),
			Operations: each(f.Operations, v.operationGlob), Risks: each(f.Risks, v.risk), Servers: each(f.Servers, v.serverPattern),
			Approvers: v.approvers(f.Approvers),
		})
	}
}

const maxApprovers = 20 // more than any team waits for

func (v *validator) approvers(m mapping[approverFields]) *permissions.Approvers {
	if !m.isWritten() {
		return nil
	}
	written := m.fields.Count
	count, err := strconv.Atoi(written.text)
	if v.require(m.line, "approvers", "count", written.isWritten()) && (err != nil || count < 1 || count > maxApprovers) {
		v.errorf(written.line, "%q is not a number of approvers; write 1 to %d, or leave approvers out if nobody else must agree", written.text, maxApprovers)
	}
	return &permissions.Approvers{Count: count, Who: each(m.fields.Who, func(w word) (permissions.Principal, bool) {
		if w.text == string(permissions.External) {
			v.errorf(w.line, "strangers cannot approve; take slack-external out")
			return "", false
		}
		return v.principal(w)
	})}
}

func (v *validator) budget(name string, w word) {
	if !w.isWritten() {
		return
	}
	count, within, _ := strings.Cut(w.text, "/")
	most, err := strconv.Atoi(count)
	period, err2 := time.ParseDuration(within)
	if err != nil || err2 != nil || most < 0 || period <= 0 {
		v.errorf(w.line, "%q is not a budget; write how many and within what time, such as 3/10m or 10/1h", w.text)
	}
	if period > permissions.LongestBudget {
		v.errorf(w.line, "%q counts more than 90 days back, and approvals are kept for 90 days: write 2160h or less", w.text)
	}
	v.Book.Budgets[name] = permissions.Rate{Most: most, Within: period}
}

func (v *validator) confirm(risk permissions.Risk, channels []word) {
	if channels == nil {
		return
	}
	v.Book.Confirm[risk] = each(channels, func(w word) (permissions.Surface, bool) {
		if w.text == string(permissions.Script) {
			return permissions.Script, true
		}
		return v.surface(w, "write mcp, slack, terminal or script")
	})
	if len(channels) == 0 {
		v.warnf(v.file.Confirm.line, "nobody can answer for what is %s: the list is empty", risk)
	}
}

func (v *validator) channel(w word) string {
	if w.isWritten() {
		v.slackID(w, channelID, "channel", "C061EG9SL")
	}
	return w.text
}

// each converts a list of words, and keeps apart a list that is empty and one that was left out (nil).
func each[T any](words []word, convert func(word) (T, bool)) []T {
	if words == nil {
		return nil
	}
	converted := make([]T, 0, len(words))
	for _, w := range words {
		if one, ok := convert(w); ok {
			converted = append(converted, one)
		}
	}
	return converted
}
