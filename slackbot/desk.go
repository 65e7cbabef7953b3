package slackbot

import (
	"context"
	"slices"

	"github.com/vpsbot/vpsbot/internal/approval"
)

// desk is what of the open records concerns one person, newest first.
type desk struct {
	mine    []approval.Record // they asked for it. Own is set where their own yes is still missing
	waiting []approval.Record // they may agree to it as another person, and have not answered
	others  []approval.Record // all the rest
}

// deskOf sorts what is open by what the visitor has to do with it.
func (b *Bot) deskOf(ctx context.Context, store Store, v *visit) (desk, error) {
	var d desk
	open, err := b.Runner.Scope(ctx)
	if err != nil {
		return d, err
	}
	open.States = approval.Open
	records, err := store.Find(ctx, open)
	if err != nil {
		return d, err
	}
	for _, rec := range records {
		if rec.Overdue(b.Now()) {
			continue
		}
		if err := b.sort(ctx, store, v, rec, &d); err != nil {
			return d, err
		}
	}
	return d, nil
}

func (b *Bot) sort(ctx context.Context, store Store, v *visit, rec approval.Record, d *desk) error {
	if b.Runner.Closed(rec, v.actor()) != "" {
		return nil
	}
	asked := b.Runner.IsAsker(rec, v.actor())
	may := asked || rec.State == approval.Pending && b.Runner.MayAnswer(ctx, rec, v.actor(), b.yes(v, rec)) == ""
	if !may {
		d.others = append(d.others, rec)
		return nil
	}
	answered, err := b.hasAnswered(ctx, store, v, rec)
	switch {
	case err != nil:
		return err
	case asked:
		rec.Own = rec.Own && !answered
		d.mine = append(d.mine, rec)
	case answered:
		d.others = append(d.others, rec)
	default:
		d.waiting = append(d.waiting, rec)
	}
	return nil
}

// hasAnswered reports whether the visitor has answered a record, by whichever identity.
func (b *Bot) hasAnswered(ctx context.Context, store Store, v *visit, rec approval.Record) (bool, error) {
	if rec.State != approval.Pending {
		return true, nil
	}
	given, err := store.Consents(ctx, rec.ID)
	person, known := b.Runner.Policy().Person(v.actor())
	return slices.ContainsFunc(given, func(c approval.Consent) bool {
		return c.Identity == string(v.actor()) || known && c.Person == person
	}), err
}
