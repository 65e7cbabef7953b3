package policy

import (
	"regexp"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/permissions"
)

// names are the people and groups of a file. No name is both.
type names struct{ people, groups []string }

func (n names) has(name string) bool {
	return slices.Contains(n.people, name) || slices.Contains(n.groups, name)
}

// What ids of Slack look like. Names are refused: they can be changed by others.
var (
	userID    = regexp.MustCompile(`^[UW][A-Z0-9]{2,}$`)
	groupID   = regexp.MustCompile(`^S[A-Z0-9]{2,}$`)
	channelID = regexp.MustCompile(`^[CDG][A-Z0-9]{2,}$`)
	plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
)

func (r *reader) slackID(w word, form *regexp.Regexp, what, example string) bool {
	if form.MatchString(w.text) {
		return true
	}
	r.bad(w.line, "%q is not the id of a Slack %s; write the id, such as %s, never the name: names can be changed", w.text, what, example)
	return false
}

// party reads a word for who.
func (r *reader) party(w word) (permissions.Principal, bool) {
	kind, name, identity := strings.Cut(w.text, ":")
	switch p := permissions.Principal(w.text); {
	case p == permissions.Everybody || p == permissions.External || r.names.has(w.text):
		return p, true
	case !identity:
		r.bad(w.line, "%q is no person and no group of this file%s; add it, or write *, slack:U…, slack-group:S…, key:NAME, local:USER or slack-external",
			w.text, meant(w.text, slices.Concat(r.names.people, r.names.groups)))
		return "", false
	case kind == "slack":
		return p, r.slackID(word{name, w.line}, userID, "user", "slack:U024BE7LH")
	case kind == "slack-group":
		return p, r.slackID(word{name, w.line}, groupID, "user group", "slack-group:S0614TZR7")
	case kind == "key" && name != "", kind == "local" && name != "":
		r.possible(w)
		return p, true
	}
	r.bad(w.line, "%q is nobody; write *, a person, a group, slack:U…, slack-group:S…, key:NAME, local:USER or slack-external", w.text)
	return "", false
}

// possible doubts an identity that nobody can have.
func (r *reader) possible(w word) {
	if name, isKey := strings.CutPrefix(w.text, "key:"); isKey && !keyName.MatchString(name) {
		r.doubt(w.line, "%q is nobody: an access key is named with 1 to 64 letters, digits, hyphens, underscores and dots", w.text)
	}
}

// place reads a word for where.
func (r *reader) place(w word) (permissions.Place, bool) {
	if id, channel := strings.CutPrefix(w.text, "slack:"); channel {
		return permissions.Place(w.text), r.slackID(word{id, w.line}, channelID, "channel", "slack:C061EG9SL")
	}
	_, ok := r.surface(w, "write slack, slack:C…, mcp or terminal")
	return permissions.Place(w.text), ok
}

// channel reads a word for what may carry an answer.
func (r *reader) channel(w word) (permissions.Surface, bool) {
	if w.text == string(permissions.Script) {
		return permissions.Script, true
	}
	return r.surface(w, "write mcp, slack, terminal or script")
}

func (r *reader) surface(w word, advice string) (permissions.Surface, bool) {
	s := permissions.Surface(w.text)
	if s == permissions.Slack || s == permissions.MCP || s == permissions.Terminal {
		return s, true
	}
	if w.text == string(permissions.Script) {
		r.bad(w.line, "script is a word of confirm alone; a script asks from a terminal: write terminal")
		return "", false
	}
	r.bad(w.line, "%q is not a place%s; %s", w.text, meant(w.text, []string{"slack", "mcp", "terminal"}), advice)
	return "", false
}

func (r *reader) risk(w word) (permissions.Risk, bool) {
	var risks []string
	for _, risk := range permissions.Risks {
		risks = append(risks, string(risk))
	}
	if slices.Contains(risks, w.text) {
		return permissions.Risk(w.text), true
	}
	r.bad(w.line, "%q is not a risk%s; the risks are %s", w.text, meant(w.text, risks), strings.Join(risks, ", "))
	return "", false
}

// operation reads a glob over operations. One without a star must be an operation, or an act
// beside them.
func (r *reader) operation(w word) (permissions.Glob, bool) {
	var all []string
	for _, op := range r.operations {
		all = append(all, op.Name)
	}
	if slices.Contains(permissions.Acts, permissions.Act(w.text)) {
		return permissions.Glob(w.text), true
	}
	switch {
	case !r.glob(w):
		return "", false
	case strings.ContainsAny(w.text, "*?"):
		if !slices.ContainsFunc(all, permissions.Glob(w.text).Matches) {
			r.doubt(w.line, "%q matches no operation; vpsbot operations lists them", w.text)
		}
		return permissions.Glob(w.text), true
	case slices.Contains(all, w.text):
		return permissions.Glob(w.text), true
	}
	r.bad(w.line, "there is no operation %q%s; vpsbot operations lists them, and servers.* means all of one kind", w.text, meant(w.text, all))
	return "", false
}

func (r *reader) server(w word) (permissions.ServerPattern, bool) {
	ok := r.glob(w)
	if why := unmatched(w.text); ok && why != "" {
		r.doubt(w.line, "%q matches no server: %s", w.text, why)
	}
	return permissions.ServerPattern(w.text), ok
}

// What VPS.org's ids and names of servers are made of.
const (
	longestID   = 19 // digits
	longestName = 63
)

var (
	serverName = regexp.MustCompile(`^[A-Za-z0-9-]*$`)
	partOfUUID = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F*?-]*$`)
	keyName    = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
)

// unmatched says why a pattern fits neither the name nor the id that a server can have; "" if one fits.
func unmatched(pattern string) string {
	isID := permissions.ServerPattern(pattern).IsID()
	literal := strings.NewReplacer("*", "", "?", "x").Replace(pattern)
	switch {
	case isID && strings.Contains(pattern, "-"):
		return ""
	case isID && (len(pattern) > longestID || pattern != "0" && pattern[0] == '0'):
		return "it is read as an id, and an id has at most 19 digits and no zero in front"
	case isID:
		return ""
	case partOfUUID.MatchString(pattern):
		return "it is a part of an id, and ids are only matched whole"
	case !serverName.MatchString(literal):
		return "a name has letters, digits and hyphens alone"
	case len(literal) > longestName:
		return "a name has at most 63 characters"
	}
	return ""
}

// glob refuses what other programs' globs have and ours do not, so that nobody relies on it.
func (r *reader) glob(w word) bool {
	if strings.ContainsAny(w.text, `[]{}\!`) {
		r.bad(w.line, "%q has one of [ ] { } \\ ! in it; only * (any text) and ? (one character) are special: write several patterns instead", w.text)
		return false
	}
	return true
}

// each reads a list of words, one by one. It returns no nil.
func each[T any](words []word, read func(word) (T, bool)) []T {
	all := []T{}
	for _, w := range words {
		if one, ok := read(w); ok {
			all = append(all, one)
		}
	}
	return all
}

// mostCompared keeps a large file from comparing each of its words with all others.
const mostCompared = 1000

// meant suggests the nearest of the known names, if one is near.
func meant(name string, known []string) string {
	best, distance := "", 3
	for _, k := range known[:min(len(known), mostCompared)] {
		if d := editDistance(strings.ToLower(name), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return " (did you mean " + best + "?)"
}

// editDistance is how many letters to add, drop or change. Long words are not compared.
func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
