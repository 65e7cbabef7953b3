package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
)

// quorum is whose yes a record still waits for.
type quorum struct {
	approval.Quorum
	mine bool // who is here has given theirs
}

// missing reads what has been answered to a record.
func (p *parts) missing(ctx context.Context, store approval.Store, rec approval.Record) (quorum, error) {
	given, err := store.Consents(ctx, rec.ID)
	here, _ := p.runner.Policy().Person(p.actor)
	mine := slices.ContainsFunc(given, func(one approval.Consent) bool { return one.Yes && one.Person == here })
	return quorum{approval.Missing(rec, given), mine}, err
}

// of says in words who is missing.
func (c quorum) of(rec approval.Record) string {
	var who []string
	if c.Own {
		who = append(who, text.Clean(rec.Actor)+", who asked")
	}
	if c.Others == 1 {
		who = append(who, "another person"+whoMay(rec))
	} else if c.Others > 1 {
		who = append(who, fmt.Sprintf("%d other people", c.Others)+whoMay(rec))
	}
	return strings.Join(who, "; and ")
}

func whoMay(rec approval.Record) string {
	return " (" + cmp.Or(text.Clean(rec.Approvers), "whoever may do this there") + ")"
}

// waitsForMe reports whether an answer is missing that whoever is here may give.
func (a *app) waitsForMe(ctx context.Context, p *parts, store approval.Store, rec approval.Record) (bool, error) {
	if p.actor == "" || a.stateOf(rec) != approval.Pending {
		return false, nil
	}
	own := p.isOwn(rec.Actor, rec.Person)
	if rec.Others == 0 {
		return own, nil
	}
	c, err := p.missing(ctx, store, rec)
	switch {
	case err != nil || c.mine:
		return false, err
	case own:
		return c.Own, nil
	}
	return c.Others > 0 && p.whyNot(ctx, rec, true) == "", nil
}

// forMe returns the ids of the records that wait for whoever is here, and says, on stderr,
// that all changes are stopped, if they are.
func (a *app) forMe(ctx context.Context, p *parts, store approval.Store, records []approval.Record) (ids []string, err error) {
	says, err := frozen(ctx, store, p.now())
	if err != nil {
		return nil, err
	}
	if says != "" {
		a.io.say("Note: %s.", says)
	}
	for _, rec := range records {
		mine, err := a.waitsForMe(ctx, p, store, rec)
		if err != nil {
			return nil, err
		}
		if mine {
			ids = append(ids, rec.ID)
		}
	}
	return ids, nil
}

// mayTry refuses who surely may not answer a record, before anything is asked of them.
func (p *parts) mayTry(rec approval.Record) error {
	err := p.own(rec)
	if err == nil || p.actor == "" || rec.Others == 0 {
		return err
	}
	policy := p.runner.Policy()
	if policy.Book == nil {
		return fail(runner.Refuse, "approval %s needs a second person by the rules of a policy, and there is none here: set VPSBOT_POLICY_FILE to the same file", rec.ID)
	}
	if _, known := policy.Person(p.actor); !known {
		return fail(runner.Refuse, "%s belongs to nobody under people in the policy, so it cannot agree for a second person", p.actor)
	}
	return nil
}

// tellMissing says who must still agree.
func (a *app) tellMissing(ctx context.Context, p *parts, rec approval.Record) error {
	store, err := p.store.get(ctx)
	if err != nil {
		return err
	}
	c, err := p.missing(ctx, store, rec)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.io.Out, "Your yes is recorded. Still to agree: %s.\n", c.of(rec))
	return err
}

// forYou marks, below a list of records, those that wait for whoever is here.
func forYou(ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return "\nWaiting for your answer: " + strings.Join(ids, ", ") + "."
}
