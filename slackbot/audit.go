package slackbot

import (
	"context"
	"regexp"
	"slices"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/command"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/slackbot/messages"
	"github.com/vpsbot/vpsbot/tools"
)

const (
	maxAuditRows = 15  // shown at once
	maxAuditRead = 500 // searched for words
)

// listAudit shows the last rows of the audit log that the person may read.
func (r *request) listAudit(ctx context.Context, c command.Command) error {
	if r.external {
		return r.replyText(ctx, "The audit log is for people of this workspace.")
	}
	ops, _, _ := r.offered(ctx, tokenWithin)
	rows, err := r.auditRows(ctx, runner.AuditScopeOf(r.Runner, r.call(&tools.Op{}, nil), ops), maxAuditRead)
	if err != nil {
		return r.noStore(ctx, err)
	}
	names, hasWords := r.namesOf(ctx), search(c.Rest)
	rows = slices.DeleteFunc(rows, func(row audit.Row) bool {
		return !hasWords(runner.RowWords(row, names)...)
	})
	return r.reply(ctx, blocks.Audit(rows[:min(maxAuditRows, len(rows))], r.Now()))
}

// auditRows returns the newest rows of a part of the log, newest first.
func (r *request) auditRows(ctx context.Context, scope runner.AuditScope, most int) ([]audit.Row, error) {
	store, err := r.Store(ctx)
	if err != nil {
		return nil, err
	}
	return runner.RowsOf(ctx, store, audit.Filter{Limit: most}, scope)
}

// namesOf returns a function that lists the words by which people search for an identity: the identity,
// its person in the policy, and that person's ids and names in Slack.
func (b *Bot) namesOf(ctx context.Context) func(identity string) []string {
	found, policy := map[string][]string{"": nil}, b.Runner.Policy()
	return func(identity string) []string {
		if names, ok := found[identity]; ok {
			return slices.Clone(names)
		}
		who := permissions.Actor(identity)
		names, all := []string{identity}, []permissions.Actor{who}
		if person, known := policy.Person(who); known && policy.Book != nil {
			names, all = append(names, person), append(all, policy.Identities(who)...)
		}
		for _, who := range all {
			if user, ok := messages.SlackID(who); ok {
				name, _ := b.workspace.nameOf(ctx, user)
				names = append(names, user, name)
			}
		}
		found[identity] = names
		return slices.Clone(names)
	}
}

// mention is how Slack writes a person or a channel that somebody picked from its list.
var mention = regexp.MustCompile(`<[@#]([A-Z0-9]+)(?:\|[^<>]*)?>`)

// search is [text.Search], where a mention stands for its id.
func search(typed string) func(texts ...string) bool {
	return text.Search(mention.ReplaceAllString(typed, "$1"))
}
