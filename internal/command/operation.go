package command

import (
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

// head returns the words with the first one corrected if no command begins with it.
func (p *parser) head(words []word) ([]word, error) {
	first, typed := words[0], words[0].lower()
	if p.isHead(typed) {
		return words, nil
	}
	if first.isFlag() || first.set {
		return nil, p.fail("the command begins with %s; the operation comes first: %s servers list", quoted(first.plain()), p.Program)
	}
	var meant []word
	for part := range strings.FieldsSeq(p.suggestHead(typed)) {
		meant = append(meant, bare(part))
	}
	err := p.mistake(meant != nil, "no operation is called %s; %s help lists them", quoted(first.plain()), p.Program)
	return slices.Concat(meant, words[1:]), err
}

// isHead reports whether a command may begin with the word: one of the kinds, a resource, a server's
// action, or both with a dot.
func (v vocabulary) isHead(typed string) bool {
	_, isResource := v.resourceOf(typed)
	_, _, isDotted := v.cutDotted(typed)
	return isResource || isDotted || v.actionOf(serverResource, typed) != nil || slices.Contains(kinds, Kind(typed))
}

// cutDotted cuts "servers.reboot" and "servers_reboot" apart. The action need not exist, and stays as it was typed:
// it may be a name, or a secret that is redacted only in its own spelling.
func (v vocabulary) cutDotted(typed string) (resource, action string, ok bool) {
	end := strings.IndexAny(typed, "._")
	if end < 0 {
		return "", "", false
	}
	resource, ok = v.resourceOf(strings.ToLower(typed[:end]))
	return resource, typed[end+1:], ok && end+1 < len(typed)
}

// suggestHead returns the beginning of a command that may be meant, or "".
func (v vocabulary) suggestHead(typed string) string {
	if dotted := strings.Replace(typed, "_", ".", 1); strings.Contains(dotted, ".") {
		var names []string
		for _, actions := range v {
			for _, op := range actions {
				names = append(names, op.Name)
			}
		}
		slices.Sort(names)
		return text.Suggest(dotted, names)
	}
	if action := synonyms[typed]; action != "" {
		return serverResource + " " + action
	}
	if having := v.resourcesWith(typed); len(having) == 1 {
		return having[0] + " " + typed
	}
	return text.Suggest(typed, v.heads())
}

func (p *parser) findOperation(words []word) (*tools.Op, []word, error) {
	first := words[0].lower()
	if resource, ok := p.resourceOf(first); ok {
		return p.action(resource, words[1:])
	}
	if op := p.actionOf(serverResource, first); op != nil {
		return p.shortForm(op, words)
	}
	resource, action, ok := p.cutDotted(words[0].plain())
	if !ok {
		return nil, nil, p.fail("no operation is called %s; %s help lists them", quoted(words[0].plain()), p.Program)
	}
	return p.action(resource, slices.Concat([]word{bare(action)}, words[1:]))
}

// action finds the operation of a resource by the first of the words. Without an action it is the
// resource's list.
func (p *parser) action(resource string, words []word) (*tools.Op, []word, error) {
	if len(words) == 0 || words[0].set || words[0].isFlag() {
		if op := p.defaultOf(resource); op != nil {
			return op, words, nil
		}
		return nil, nil, p.fail("%s needs an action: %s", resource, p.actionList(resource))
	}
	if op := p.actionOf(resource, words[0].lower()); op != nil && !words[0].quoted {
		return op, words[1:], nil
	}
	op, rest := p.suggestAction(resource, words)
	return op, rest, p.mistake(op != nil, "%s has no action %s; it has %s", resource, quoted(words[0].text), p.actionList(resource))
}

// suggestAction corrects the action of a command, or adds the one that was left out before a name,
// where that reads. What is an action anywhere is no name.
func (v vocabulary) suggestAction(resource string, words []word) (*tools.Op, []word) {
	typed := words[0].lower()
	if op := v.actionOf(resource, synonyms[typed]); op != nil {
		return op, words[1:]
	}
	if meant := text.Suggest(typed, v.actionsOf(resource)); meant != "" {
		return v[resource][meant], words[1:]
	}
	if v.isAction(typed) {
		return nil, nil
	}
	for _, action := range []string{"get", list} {
		if op := v[resource][action]; op != nil && op.IsRead() && op.Positional() != "" {
			return op, words
		}
	}
	return nil, nil
}

// shortForm parses a command that begins with an action: "reboot web-1" is about a server, and
// "list backups" about what it names. A name alone that is a resource's too is ambiguous.
func (p *parser) shortForm(op *tools.Op, words []word) (*tools.Op, []word, error) {
	verb, words := words[0], words[1:]
	if len(words) == 0 || !words[0].isBare() {
		return op, words, nil
	}
	resource, ok := p.resourceOf(words[0].lower())
	if !ok || p.actionOf(resource, verb.lower()) == nil {
		return op, words, nil
	}
	field := op.Positional()
	if ambiguous := field != "" && (len(words) == 1 || !words[1].isBare()); ambiguous {
		name := words[0].text
		if err := p.mistake(true, "%s may be a server's name or all %s; write %s=%s for the server, or the resource first", quoted(name), resource, field, name); err != nil {
			return nil, nil, err
		}
	}
	return p.action(resource, slices.Concat([]word{verb}, words[1:]))
}
