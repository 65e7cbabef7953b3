package policy

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/vpsbot/vpsbot/permissions"
)

// file reads the whole. People and groups come first, wherever they stand: the rest names
// them.
func (r *reader) file(raw []byte) {
	root, ok := r.parse(raw)
	if !ok {
		return
	}
	later := map[string]ast.Node{}
	keep := func(name string) key { return key{name, false, func(n ast.Node) { later[name] = n }} }
	r.mapping(root, "the policy", key{"version", true, r.version},
		keep("people"), keep("groups"), keep("rules"), keep("protected"), keep("budgets"), keep("confirm"), keep("slack"), keep("tests"))
	for _, section := range []struct {
		name string
		read func(ast.Node)
	}{
		{"people", r.people},
		{"groups", r.groups},
		{"rules", r.rules},
		{"protected", r.protect},
		{"budgets", r.budgets},
		{"confirm", r.confirms},
		{"slack", r.slack},
		{"tests", r.cases},
	} {
		if n, ok := later[section.name]; ok {
			section.read(n)
		}
	}
}

func (r *reader) version(n ast.Node) {
	if w, ok := r.word(n, "version"); ok && w.text != "1" {
		r.bad(w.line, "version %s is not known; this vpsbot reads version: 1", w.text)
	}
}

func (r *reader) people(n ast.Node) {
	owner := map[permissions.Actor]string{}
	for _, item := range r.list(n, "people") {
		var p permissions.Person
		add := func(kind string, valid func(word) bool) func(ast.Node) {
			return func(n ast.Node) {
				for _, w := range r.words(n, kind+" of a person") {
					if valid(w) {
						r.own(owner, &p, w, kind)
					}
				}
			}
		}
		named := func(word) bool { return true }
		r.mapping(item, "a person",
			key{"id", true, func(n ast.Node) { p.ID = r.name(n, "the id of a person") }},
			key{"slack", false, add("slack", func(w word) bool { return r.slackID(w, userID, "user", "U024BE7LH") })},
			key{"keys", false, add("key", named)},
			key{"local", false, add("local", named)})
		if p.ID == "" {
			continue
		}
		r.names.people = append(r.names.people, p.ID)
		r.book.People = append(r.book.People, p)
		r.at = append(r.at, lineOf(item))
		if len(p.Identities) == 0 {
			r.doubt(lineOf(item), "%s has no identity, so nobody can act as %s; add slack, keys or local", p.ID, p.ID)
		}
	}
}

// own gives a person an identity that nobody else has.
func (r *reader) own(owner map[permissions.Actor]string, p *permissions.Person, w word, kind string) {
	identity := permissions.Actor(kind + ":" + w.text)
	r.possible(word{string(identity), w.line})
	if other, taken := owner[identity]; taken {
		r.bad(w.line, "%s belongs to %s already; an identity is one person's, once", identity, other)
		return
	}
	owner[identity] = p.ID
	if p.ID == "" {
		owner[identity] = "a person"
	}
	p.Identities = append(p.Identities, identity)
}

// name reads the name of a new person or group.
func (r *reader) name(n ast.Node, what string) string {
	w, ok := r.word(n, what)
	switch {
	case !ok:
		return ""
	case !plainName.MatchString(w.text) || w.text == string(permissions.External):
		r.bad(w.line, "%s is %q; use letters, digits, dots, hyphens and underscores, and no word that means something else", what, w.text)
		return ""
	case r.names.has(w.text):
		r.bad(w.line, "there are two of %q; people and groups all need names of their own", w.text)
		return ""
	}
	return w.text
}

func (r *reader) groups(n ast.Node) {
	m, ok := n.(ast.MapNode)
	if !ok {
		r.bad(lineOf(n), "groups must be names with members; write such as oncall: {people: [lead]}")
		return
	}
	for entry := m.MapRange(); entry.Next(); {
		g := permissions.Group{Name: r.name(entry.Key(), "the name of a group")}
		if g.Name == "" {
			continue
		}
		r.mapping(entry.Value(), "the group "+g.Name,
			key{"people", false, func(n ast.Node) { g.People = r.members(n, g.Name) }},
			key{"slack_groups", false, func(n ast.Node) { g.SlackGroups = r.slackGroups(n) }})
		r.names.groups = append(r.names.groups, g.Name)
		r.book.Groups = append(r.book.Groups, g)
		if len(g.People)+len(g.SlackGroups) == 0 {
			r.doubt(lineOf(entry.Key()), "the group %s has nobody in it", g.Name)
		}
	}
}

func (r *reader) members(n ast.Node, group string) []string {
	return each(r.words(n, "people of the group "+group), func(w word) (string, bool) {
		if slices.Contains(r.names.people, w.text) {
			return w.text, true
		}
		r.bad(w.line, "%q is no person of this file%s; add it under people", w.text, meant(w.text, r.names.people))
		return "", false
	})
}

func (r *reader) slackGroups(n ast.Node) []string {
	return each(r.words(n, "slack_groups"), func(w word) (string, bool) {
		return w.text, r.slackID(w, groupID, "user group", "S0614TZR7")
	})
}

// rate reads how often: "3/10m".
func (r *reader) rate(w word) (permissions.Rate, bool) {
	count, within, _ := strings.Cut(w.text, "/")
	most, err := strconv.Atoi(count)
	every, err2 := time.ParseDuration(within)
	if err != nil || err2 != nil || most < 0 || every <= 0 {
		r.bad(w.line, "%q is not a budget; write how many and within what time, such as 3/10m or 10/1h", w.text)
		return permissions.Rate{}, false
	}
	return permissions.Rate{Most: most, Within: every}, true
}
