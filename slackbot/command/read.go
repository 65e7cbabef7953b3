package command

import (
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/tools"
)

// reader makes a command of words.
type reader struct {
	before []word // what stood before the words of the operation: "why"
	fixes  int    // how many words were put right to get here
}

func (r reader) command(all []word) (Command, error) {
	if len(all) == 0 {
		return Command{}, nil
	}
	first := all[0].command()
	switch kind := Kind(first); {
	case isFree(kind):
		return r.free(kind, sentence(all[1:]))
	case kind == Help || slices.ContainsFunc(all, word.asksHelp):
		return r.help(all)
	case kind == Why:
		return r.why(all)
	}
	op, given, err := r.operation(all)
	if err != nil {
		return Command{}, err
	}
	return r.fields(Operation, op, given)
}

// help reads "help", "help servers.delete" and "servers delete web-1 ?". Words after the
// operation do not matter.
func (r reader) help(all []word) (Command, error) {
	about := slices.DeleteFunc(slices.Clone(all), word.asksHelp)
	if len(about) > 0 && about[0].command() == string(Help) {
		about = about[1:]
	}
	if len(about) == 0 {
		return Command{Kind: Help}, nil
	}
	if topic, ok := topicOf(about); ok {
		return Command{Kind: Help, Rest: topic}, nil
	}
	r.before = []word{bare(string(Help))}
	op, _, err := r.operation(about)
	if err != nil {
		return Command{}, err
	}
	return Command{Kind: Help, Op: op}, nil
}

// topicOf finds what help is asked about where it is no operation: a resource, or one of the
// commands that are none. Help about help is help.
func topicOf(about []word) (string, bool) {
	first := about[0].command()
	if resource, ok := resourceOf(first); ok && len(about) == 1 {
		return resource, true
	}
	if Kind(first) == Help {
		return "", true
	}
	return first, slices.Contains(own, Kind(first))
}

func (r reader) why(all []word) (Command, error) {
	if len(all) == 1 {
		return Command{}, r.mistake(nil, "why needs an operation: %s why servers delete web-1", prefix)
	}
	r.before = all[:1]
	op, given, err := r.operation(all[1:])
	if err != nil {
		return Command{}, err
	}
	return r.fields(Why, op, given)
}

// operation finds the operation that the words begin with and returns the words after it.
func (r reader) operation(all []word) (*tools.Op, []word, error) {
	first := all[0].command()
	if resource, ok := resourceOf(first); ok {
		return r.action(resource, all)
	}
	if op := actionOf(home, first); op != nil {
		return r.short(op, all)
	}
	resource, action, dotted := strings.Cut(strings.Replace(first, "_", ".", 1), ".")
	if resource, ok := resourceOf(resource); ok && action != "" {
		return r.action(resource, with(all, 0, 1, bare(resource), bare(action)))
	}
	return nil, nil, r.unknown(all, dotted)
}

// action finds the operation of a resource. Without an action it is the resource's list.
func (r reader) action(resource string, all []word) (*tools.Op, []word, error) {
	if len(all) == 1 || all[1].set || all[1].isFlag() {
		if op := aloneOf(resource); op != nil {
			return op, all[1:], nil
		}
		return nil, nil, r.mistake(nil, "%s needs an action: %s", resource, choice(actionsOf(resource)))
	}
	if op := actionOf(resource, all[1].command()); op != nil && !all[1].quoted {
		return op, all[2:], nil
	}
	return nil, nil, r.mistake(r.actionMeant(resource, all), "%s has no action %s; it has %s", resource, name(all[1].text), choice(actionsOf(resource)))
}

// actionMeant puts the action of a command right, or puts in the one that was left out
// before a name, where that reads. What is an action anywhere is no name.
func (r reader) actionMeant(resource string, all []word) []word {
	typed := all[1].command()
	if meant := actionNear(resource, typed); meant != "" {
		return with(all, 0, 2, bare(resource), bare(meant))
	}
	if isAction(typed) {
		return nil
	}
	for _, action := range []string{"get", list} {
		if op := operations[resource][action]; op != nil && op.IsRead() && op.Positional() != "" {
			return with(all, 0, 1, bare(resource), bare(action))
		}
	}
	return nil
}

func actionNear(resource, typed string) string {
	if meant := elsewhere[typed]; actionOf(resource, meant) != nil {
		return meant
	}
	return near(typed, actionsOf(resource))
}

// short reads a command that begins with an action: "reboot web-1" is about a server, and
// "list backups" about what it names. A name alone that is a resource's too is not guessed at.
func (r reader) short(op *tools.Op, all []word) (*tools.Op, []word, error) {
	if len(all) == 1 || !all[1].isBare() {
		return op, all[1:], nil
	}
	resource, ok := resourceOf(all[1].command())
	if !ok || actionOf(resource, all[0].command()) == nil {
		return op, all[1:], nil
	}
	swapped := with(all, 0, 2, bare(resource), all[0])
	if op.Positional() == "" || len(all) > 2 && all[2].isBare() {
		return r.action(resource, swapped)
	}
	return nil, nil, r.mistake(swapped, "%s may be a server's name or all %s; write %s=%s for the server, or the resource first", name(all[1].text), resource, op.Positional(), all[1].text)
}

// unknown says that the words begin with no operation, and what may be meant.
func (r reader) unknown(all []word, dotted bool) error {
	typed := all[0].command()
	var fixed []word
	if meant := headMeant(typed, dotted); meant != nil {
		fixed = with(all, 0, 1, meant...)
	}
	if all[0].isFlag() || all[0].set {
		return r.mistake(nil, "the command begins with %s; the operation comes first: %s servers list", name(all[0].plain()), prefix)
	}
	return r.mistake(fixed, "no operation is called %s; %s help lists them", name(all[0].plain()), prefix)
}

func headMeant(typed string, dotted bool) []word {
	if dotted {
		return dottedMeant(typed)
	}
	if meant := elsewhere[typed]; meant != "" {
		return []word{bare(home), bare(meant)}
	}
	if having := resourcesWith(typed); len(having) == 1 {
		return []word{bare(having[0]), bare(typed)}
	}
	if meant := near(typed, heads()); meant != "" {
		return []word{bare(meant)}
	}
	return nil
}

func dottedMeant(typed string) []word {
	var names []string
	for _, op := range tools.Operations() {
		names = append(names, op.Name)
	}
	if meant := near(strings.Replace(typed, "_", ".", 1), names); meant != "" {
		return []word{bare(meant)}
	}
	return nil
}

// choice joins words as a sentence does: "a, b or c".
func choice(all []string) string {
	if len(all) < 2 {
		return strings.Join(all, "")
	}
	last := len(all) - 1
	return strings.Join(all[:last], ", ") + " or " + all[last]
}
