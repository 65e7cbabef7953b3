package policy

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

// pattern returns whether a text matches a regular expression, which is compiled when it is first used: most processes
// read no policy file.
func pattern(expression string) func(text string) bool {
	compiled := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
	return func(text string) bool { return compiled().MatchString(text) }
}

// The forms of Slack's ids. Names are refused: other people can change them.
var (
	userID    = pattern(`^[UW][A-Z0-9]{2,}$`)
	groupID   = pattern(`^S[A-Z0-9]{2,}$`)
	channelID = pattern(`^[CDG][A-Z0-9]{2,}$`)
)

func (v *validator) slackID(w word, form func(string) bool, what, example string) bool {
	isID := form(w.text)
	if !isID {
		v.errorf(w.line, "%q is not the id of a Slack %s; write the id, such as %s, never the name: names can be changed", w.text, what, example)
	}
	return isID
}

func (v *validator) principal(w word) (permissions.Principal, bool) {
	p := permissions.Principal(w.text)
	kind, name, isIdentity := strings.Cut(w.text, ":")
	switch {
	case p == permissions.Everybody || p == permissions.External || v.isDefined(w.text):
		return p, true
	case !isIdentity:
		v.errorf(w.line, "%q is no person and no group of this file%s; add it, or write *, slack:U…, slack-group:S…, key:NAME, local:USER or slack-external",
			w.text, suggestion(w.text, slices.Concat(v.people, v.groups)))
		return "", false
	case kind == "slack":
		return p, v.slackID(word{name, w.line}, userID, "user", "slack:U024BE7LH")
	case kind == "slack-group":
		return p, v.slackID(word{name, w.line}, groupID, "user group", "slack-group:S0614TZR7")
	case kind == "key" && name != "", kind == "local" && name != "":
		v.warnOfKeyName(w)
		return p, true
	}
	v.errorf(w.line, "%q is nobody; write *, a person, a group, slack:U…, slack-group:S…, key:NAME, local:USER or slack-external", w.text)
	return "", false
}

var keyName = pattern(`^[A-Za-z0-9._-]{1,64}$`)

func (v *validator) warnOfKeyName(w word) {
	if name, isKey := strings.CutPrefix(w.text, "key:"); isKey && !keyName(name) {
		v.warnf(w.line, "%q is nobody: an access key is named with 1 to 64 letters, digits, hyphens, underscores and dots", w.text)
	}
}

func (v *validator) place(w word) (permissions.Place, bool) {
	if id, isChannel := strings.CutPrefix(w.text, "slack:"); isChannel {
		return permissions.Place(w.text), v.slackID(word{id, w.line}, channelID, "channel", "slack:C061EG9SL")
	}
	_, ok := v.surface(w, "write slack, slack:C…, mcp or terminal")
	return permissions.Place(w.text), ok
}

func (v *validator) surface(w word, advice string) (permissions.Surface, bool) {
	s := permissions.Surface(w.text)
	switch {
	case slices.Contains(surfaces, s):
		return s, true
	case s == permissions.Script:
		v.errorf(w.line, "script is a word of confirm alone; a script asks from a terminal: write terminal")
	default:
		v.errorf(w.line, "%q is not a place%s; %s", w.text, suggestion(w.text, text.Strings(surfaces)), advice)
	}
	return "", false
}

func (v *validator) risk(w word) (permissions.Risk, bool) {
	isRisk := slices.Contains(permissions.Risks, permissions.Risk(w.text))
	if risks := text.Strings(permissions.Risks); !isRisk {
		v.errorf(w.line, "%q is not a risk%s; the risks are %s", w.text, suggestion(w.text, risks), strings.Join(risks, ", "))
	}
	return permissions.Risk(w.text), isRisk
}

// operationGlob reads a glob over operations. One without * and ? must be the name of an operation or of an
// act.
func (v *validator) operationGlob(w word) (permissions.Glob, bool) {
	g := permissions.Glob(w.text)
	if slices.Contains(permissions.Acts, permissions.Act(w.text)) {
		return g, true
	}
	if !v.isOurGlob(w) {
		return "", false
	}
	if slices.ContainsFunc(v.operations, func(op Operation) bool { return g.Matches(op.Name) }) {
		return g, true
	}
	if isGlob(w.text) {
		v.warnf(w.line, "%q matches no operation; vpsbot operations lists them", w.text)
		return g, true
	}
	names := text.Map(v.operations, func(op Operation) string { return op.Name })
	v.errorf(w.line, "there is no operation %q%s; vpsbot operations lists them, and servers.* means all of one kind", w.text, suggestion(w.text, names))
	return "", false
}

func isGlob(s string) bool { return strings.ContainsAny(s, "*?") }

// isOurGlob refuses the special characters of other programs' globs, so that nobody relies on them.
func (v *validator) isOurGlob(w word) bool {
	isForeign := strings.ContainsAny(w.text, `[]{}\!`)
	if isForeign {
		v.errorf(w.line, "%q has one of [ ] { } \\ ! in it; only * (any text) and ? (one character) are special: write several patterns instead", w.text)
	}
	return !isForeign
}

func (v *validator) serverPattern(w word) (permissions.ServerPattern, bool) {
	ok := v.isOurGlob(w)
	if why := whyUnmatchable(w.text); ok && why != "" {
		v.warnf(w.line, "%q matches no server: %s", w.text, why)
	}
	return permissions.ServerPattern(w.text), ok
}

// The form of VPS.org's ids and names of servers.
const (
	maxIDDigits = 19
	maxName     = 63
)

var (
	serverName = pattern(`^[A-Za-z0-9-]*$`)
	partOfUUID = pattern(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F*?-]*$`)
)

// whyUnmatchable returns why a pattern fits neither a name nor an id that a server can have; "" if it fits.
func whyUnmatchable(pattern string) string {
	isID, isUUID := permissions.ServerPattern(pattern).IsID(), text.IsUUID(pattern)
	literal := strings.NewReplacer("*", "", "?", "x").Replace(pattern)
	switch {
	case isID && !isUUID && (len(pattern) > maxIDDigits || pattern != "0" && pattern[0] == '0'):
		return "it is read as an id, and an id has at most 19 digits and no zero in front"
	case isID:
		return ""
	case partOfUUID(pattern):
		return "it is a part of an id, and ids are only matched whole"
	case !serverName(literal):
		return "a name has letters, digits and hyphens alone"
	case len(literal) > maxName:
		return "a name has at most 63 characters"
	}
	return ""
}

// What is compared for a suggestion, so that a large file does not compare each of its words with all others.
const (
	maxCompared = 1000 // names
	maxLength   = 64   // of each
)

// suggestion returns " (did you mean NAME?)" for the nearest of the known names, "" if none is near.
func suggestion(name string, known []string) string {
	tooLong := func(s string) bool { return len(s) > maxLength }
	compared := slices.DeleteFunc(slices.Clone(known[:min(len(known), maxCompared)]), tooLong)
	if tooLong(name) {
		return ""
	}
	if near := text.Nearest(strings.ToLower(name), compared, 2); near != nil {
		return " (did you mean " + near[0] + "?)"
	}
	return ""
}
