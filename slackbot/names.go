package slackbot

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/permissions"
)

// callNames returns a function that lists what people may call an identity when they look for it: the
// identity, the person it belongs to, and that person's ids and names in Slack.
func (b *Bot) callNames(ctx context.Context) func(identity string) []string {
	known := map[string][]string{}
	return func(identity string) []string {
		if _, ok := known[identity]; !ok && identity != "" {
			known[identity] = b.calledAs(ctx, identity)
		}
		return slices.Clone(known[identity])
	}
}

func (b *Bot) calledAs(ctx context.Context, identity string) []string {
	names, all := []string{identity}, []permissions.Actor{permissions.Actor(identity)}
	policy := b.Runner.Policy()
	if person, known := policy.Person(permissions.Actor(identity)); known && policy.Book != nil {
		names = append(names, person)
		for _, p := range policy.Book.People {
			if p.ID == person {
				all = append(all, p.Identities...)
			}
		}
	}
	for _, who := range all {
		if user, ok := strings.CutPrefix(string(who), "slack:"); ok {
			name, _ := b.nameOf(ctx, user)
			names = append(names, user, name)
		}
	}
	return names
}

// mentioned is how Slack writes a person or a channel that somebody has picked from its list.
var mentioned = regexp.MustCompile(`<[@#]([A-Z0-9]+)(?:\|[^<>]*)?>`)

// plainWords are words to look for, with mentions as ids and @name as the name.
func plainWords(typed string) string {
	found := strings.Fields(mentioned.ReplaceAllString(typed, "$1"))
	for i, word := range found {
		found[i] = strings.TrimPrefix(word, "@")
	}
	return strings.Join(found, " ")
}
