package slackbot

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/slackbot/command"
	"github.com/vpsbot/vpsbot/tools"
)

// tokenWithin is how long a list of what somebody may do waits for the token's permissions.
const tokenWithin = 2 * time.Second

// topics are what help says of the commands that are no operations.
var topics = map[string]string{
	"approvals": "/vps approvals lists what waits: for your approval, and what you asked for yourself, with buttons to answer.",
	"audit":     "/vps audit lists what was done last: what you did, or everybody if you may run something destructive.",
	"freeze":    "/vps freeze REASON stops every change, by everybody and everywhere, until /vps unfreeze. It is for those who may run something destructive.",
	"unfreeze":  "/vps unfreeze lifts a freeze. It is for those who may run something destructive.",
	"why":       "/vps why servers delete web-1 says which rule or permission decides, and what would be needed. It changes nothing.",
}

// help shows what the visitor may do here, all of it, of one resource, or one operation in full.
func (b *Bot) help(ctx context.Context, v *visit, c command.Command) error {
	if topic := topics[c.Rest]; topic != "" {
		return b.tell(ctx, v, blocks.Plain(topic))
	}
	ops, why, err := b.offered(ctx, v, tokenWithin)
	if c.Rest != "" {
		ops, why = ofResource(ops, why, c.Rest)
	}
	says := blocks.Help(ops, why, c.Op)
	if err != nil {
		note := blocks.Plain("What the token may do cannot be read at the moment, so this is what the policy alone would let you do: " + runner.Explain(err))
		says.Blocks = append(note.Blocks, says.Blocks...)
	}
	return b.tell(ctx, v, says)
}

func ofResource(ops []*tools.Op, why map[string]string, resource string) ([]*tools.Op, map[string]string) {
	ops = slices.DeleteFunc(slices.Clone(ops), func(op *tools.Op) bool { return !strings.HasPrefix(op.Name, resource+".") })
	refused := map[string]string{}
	for name, reason := range why {
		if strings.HasPrefix(name, resource+".") {
			refused[name] = reason
		}
	}
	return ops, refused
}

// why says what decides about an operation.
func (b *Bot) why(ctx context.Context, v *visit, c command.Command) error {
	input, err := c.JSON()
	if err != nil {
		return b.tell(ctx, v, blocks.Plain(err.Error()))
	}
	return b.tell(ctx, v, blocks.Plain(b.Runner.Why(ctx, b.call(v, c.Op, input))))
}

// approvals lists what waits for the visitor, and what they asked for.
func (b *Bot) approvals(ctx context.Context, v *visit, c command.Command) error {
	store, err := b.Store(ctx)
	if err != nil {
		return b.noStore(ctx, v, err)
	}
	d, err := b.deskOf(ctx, store, v)
	if err != nil {
		return b.noStore(ctx, v, err)
	}
	called := b.callNames(ctx)
	other := func(rec approval.Record) bool {
		return !hasWords(plainWords(c.Rest), append(called(rec.Actor), rec.Operation, rec.TargetName, rec.Person, string(rec.State))...)
	}
	return b.tell(ctx, v, blocks.Approvals(slices.DeleteFunc(d.mine, other), slices.DeleteFunc(d.waiting, other), b.Now()))
}

// noStore tells somebody that nothing can be looked up.
func (b *Bot) noStore(ctx context.Context, v *visit, err error) error {
	b.Log.Error("Slack: looking something up", "error", err)
	return b.tell(ctx, v, blocks.Plain("vpsbot cannot look it up at the moment: "+text.Clean(runner.Explain(err))+". Please try again in a minute."))
}

// hasWords reports whether each of some words is in one of the texts. No words are in all.
func hasWords(words string, texts ...string) bool {
	for _, word := range strings.Fields(strings.ToLower(words)) {
		if !slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(strings.ToLower(text), word) }) {
			return false
		}
	}
	return true
}

const (
	mostRows     = 15  // of the audit log that are shown at once
	mostSearched = 500 // that are looked through for some words
)

// audit shows the last rows of the log: everybody's to those who answer for everybody, else
// the visitor's own.
func (b *Bot) audit(ctx context.Context, v *visit, c command.Command) error {
	if v.external {
		return b.tell(ctx, v, blocks.Plain("The audit log is for people of this workspace."))
	}
	var whose []permissions.Actor
	if why := b.mayDestroy(ctx, v); why != "" {
		whose = b.identities(v)
	}
	rows, err := b.auditRows(ctx, whose, mostSearched)
	if err != nil {
		return b.noStore(ctx, v, err)
	}
	called := b.callNames(ctx)
	rows = slices.DeleteFunc(rows, func(r audit.Row) bool {
		return !hasWords(plainWords(c.Rest), slices.Concat([]string{r.Operation, r.Target, string(r.Decision), string(r.Outcome)}, called(r.Actor), called(r.Approver))...)
	})
	return b.tell(ctx, v, blocks.Audit(rows[:min(mostRows, len(rows))], b.Now()))
}

// auditRows returns the newest rows of some actors, or of all if none is named, newest first.
func (b *Bot) auditRows(ctx context.Context, whose []permissions.Actor, most int) ([]audit.Row, error) {
	store, err := b.Store(ctx)
	if err != nil {
		return nil, err
	}
	filters := []audit.Filter{{Limit: most}}
	if len(whose) > 0 {
		filters = nil
		for _, actor := range whose {
			filters = append(filters, audit.Filter{Actor: string(actor), Limit: most})
		}
	}
	var rows []audit.Row
	for _, f := range filters {
		for row, err := range store.Rows(ctx, f) {
			if err != nil {
				return nil, err
			}
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b audit.Row) int { return int(b.Seq - a.Seq) })
	return rows[:min(most, len(rows))], nil
}

// identities are all by which the policy knows the visitor.
func (b *Bot) identities(v *visit) []permissions.Actor {
	policy := b.Runner.Policy()
	person, known := policy.Person(v.actor())
	if known && policy.Book != nil {
		for _, p := range policy.Book.People {
			if p.ID == person {
				return p.Identities
			}
		}
	}
	return []permissions.Actor{v.actor()}
}

// mayDestroy says why the visitor may run nothing destructive here; "" if they may.
func (b *Bot) mayDestroy(ctx context.Context, v *visit) string {
	if v.external {
		return "it is for people of this workspace"
	}
	ops, why, _ := b.offered(ctx, v, tokenWithin)
	if slices.ContainsFunc(ops, func(op *tools.Op) bool { return op.Risk == permissions.Destructive }) {
		return ""
	}
	return "it is for those who may run something destructive here, such as servers.delete; and " + why["servers.delete"]
}

// freeze stops all changes, or lets them go on.
func (b *Bot) freeze(ctx context.Context, v *visit, c command.Command) error {
	why := b.mayDestroy(ctx, v)
	if c.Kind == command.Unfreeze {
		why = cmp.Or(why, b.mayNotLift(v))
	}
	if why != "" {
		b.noteRefusedFreeze(ctx, v, c, why)
		return b.tell(ctx, v, blocks.Plain(string(c.Kind)+" is refused: "+why))
	}
	if c.Kind == command.Unfreeze {
		return b.unfreeze(ctx, v)
	}
	if err := b.Runner.Freeze(ctx, v.actor(), permissions.Slack, c.Rest); err != nil {
		return b.tell(ctx, v, blocks.Plain("Nothing is frozen: "+runner.Explain(err)))
	}
	return b.tell(ctx, v, blocks.Plain("All changes are frozen, everywhere and for everybody. What runs already goes on; reads still work. /vps unfreeze lifts it."))
}

// mayNotLift says which rule keeps the visitor from lifting a freeze here; "" if none does.
func (b *Bot) mayNotLift(v *visit) string {
	ask := permissions.Ask{Actor: v.actor(), Groups: v.groups, External: v.external, Surface: permissions.Slack, Channel: v.channel}
	rule, forbidden := b.Runner.Policy().Forbids(ask, permissions.LiftFreeze)
	if !forbidden {
		return ""
	}
	return fmt.Sprintf("the policy's rule %q forbids it", rule)
}

func (b *Bot) unfreeze(ctx context.Context, v *visit) error {
	store, err := b.Store(ctx)
	if err != nil {
		return b.noStore(ctx, v, err)
	}
	frozen, err := store.Frozen(ctx)
	if err != nil {
		return b.noStore(ctx, v, err)
	}
	if err := b.Runner.Unfreeze(ctx, v.actor(), permissions.Slack); err != nil {
		return b.tell(ctx, v, blocks.Plain("The freeze was not lifted: "+runner.Explain(err)))
	}
	if frozen == nil {
		return b.tell(ctx, v, blocks.Plain("Nothing was frozen."))
	}
	return b.tell(ctx, v, blocks.Plain("The freeze of "+frozen.By+" is lifted. What is asked for now runs again."))
}

// noteRefusedFreeze writes down that somebody wanted to stop all changes, or to let them go on.
func (b *Bot) noteRefusedFreeze(ctx context.Context, v *visit, c command.Command, why string) {
	store, err := b.Store(ctx)
	if err == nil {
		err = store.Note(ctx, audit.Row{
			At: b.Now(), Actor: string(v.actor()), Surface: string(permissions.Slack), Account: b.Runner.AccountName(), Operation: string(c.Kind), Decision: audit.Refused, Reason: text.Clean(why),
		})
	}
	if err != nil {
		b.Log.Error("Slack: noting a refusal", "error", err)
	}
}
