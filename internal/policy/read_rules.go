package policy

import (
	"strconv"

	"github.com/goccy/go-yaml/ast"

	"github.com/vpsbot/vpsbot/permissions"
)

func (r *reader) rules(n ast.Node) {
	taken := map[string]bool{}
	for _, item := range r.list(n, "rules") {
		rule := r.rule(item)
		if rule.Name == "" {
			continue
		}
		if taken[rule.Name] || rule.Name == permissions.ByProtection {
			r.bad(lineOf(item), "the name %q is taken; give the rule one of its own", rule.Name)
		}
		taken[rule.Name] = true
		r.book.Rules = append(r.book.Rules, rule)
		r.lines = append(r.lines, startOf(item))
	}
}

// startOf is the line where an entry of a list begins.
func startOf(n ast.Node) int {
	if m, ok := n.(ast.MapNode); ok {
		return lineOf(firstOf(m, n))
	}
	return lineOf(n)
}

func (r *reader) rule(n ast.Node) (rule permissions.Rule) {
	r.mapping(n, "a rule",
		key{"name", true, func(n ast.Node) {
			w, _ := r.word(n, "the name of a rule")
			rule.Name = w.text
		}},
		key{"effect", true, func(n ast.Node) { rule.Effect = r.effect(n) }},
		key{"who", true, func(n ast.Node) { rule.Who = each(r.words(n, "who"), r.party) }},
		key{"where", false, func(n ast.Node) { rule.Where = each(r.words(n, "where"), r.place) }},
		key{"operations", false, func(n ast.Node) { rule.Operations = each(r.words(n, "operations"), r.operation) }},
		key{"risks", false, func(n ast.Node) { rule.Risks = each(r.words(n, "risks"), r.risk) }},
		key{"servers", false, func(n ast.Node) { rule.Servers = each(r.words(n, "servers"), r.server) }},
		key{"approvers", false, func(n ast.Node) { rule.Approvers = r.approvers(n) }})
	if rule.Effect == permissions.Deny && rule.Approvers != nil {
		r.bad(startOf(n), "the rule %q denies, so nobody can approve; take approvers out, or make it an allow", rule.Name)
	}
	return rule
}

func (r *reader) effect(n ast.Node) permissions.Effect {
	w, ok := r.word(n, "effect")
	if e := permissions.Effect(w.text); !ok || e == permissions.Allow || e == permissions.Deny {
		return e
	}
	r.bad(w.line, "%q is not an effect; write allow or deny", w.text)
	return ""
}

// mostApprovers is more than any team waits for.
const mostApprovers = 20

func (r *reader) approvers(n ast.Node) *permissions.Approvers {
	var a permissions.Approvers
	r.mapping(n, "approvers",
		key{"count", true, func(n ast.Node) {
			w, ok := r.word(n, "count")
			count, err := strconv.Atoi(w.text)
			if ok && (err != nil || count < 1 || count > mostApprovers) {
				r.bad(w.line, "%q is not a number of approvers; write 1 to %d, or leave approvers out if nobody else must agree", w.text, mostApprovers)
			}
			a.Count = count
		}},
		key{"who", false, func(n ast.Node) { a.Who = each(r.words(n, "who of approvers"), r.approver) }})
	return &a
}

// approver reads a word for who may agree: strangers never may.
func (r *reader) approver(w word) (permissions.Principal, bool) {
	if w.text == string(permissions.External) {
		r.bad(w.line, "strangers cannot approve; take slack-external out")
		return "", false
	}
	return r.party(w)
}

func (r *reader) protect(n ast.Node) {
	r.protected = lineOf(n)
	r.mapping(n, "protected", key{"servers", true, func(n ast.Node) {
		r.book.Protected = each(r.words(n, "servers"), r.server)
	}})
}

func (r *reader) budgets(n ast.Node) {
	r.book.Budgets = map[string]permissions.Rate{}
	budget := func(name string) key {
		return key{name, false, func(n ast.Node) {
			if w, ok := r.word(n, name); ok {
				if rate, ok := r.rate(w); ok {
					r.book.Budgets[name] = rate
				}
			}
		}}
	}
	r.mapping(n, "budgets", budget("deletions"), budget("destructive"))
}

func (r *reader) confirms(n ast.Node) {
	r.book.Confirm = map[permissions.Risk][]permissions.Surface{}
	answers := func(risk permissions.Risk) key {
		return key{string(risk), false, func(n ast.Node) {
			r.book.Confirm[risk] = each(r.words(n, string(risk)), r.channel)
			if len(r.book.Confirm[risk]) == 0 {
				r.doubt(lineOf(n), "nobody can answer for what is %s: the list is empty", risk)
			}
		}}
	}
	r.mapping(n, "confirm", answers(permissions.Disruptive), answers(permissions.Billable), answers(permissions.Destructive))
}

func (r *reader) slack(n ast.Node) {
	channel := func(name string, to *string) key {
		return key{name, false, func(n ast.Node) {
			if w, ok := r.word(n, name); ok && r.slackID(w, channelID, "channel", "C061EG9SL") {
				*to = w.text
			}
		}}
	}
	r.mapping(n, "slack", channel("approvals_channel", &r.book.Slack.Approvals), channel("audit_channel", &r.book.Slack.Audit))
}
