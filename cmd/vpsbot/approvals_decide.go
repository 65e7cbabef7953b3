package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

const (
	watchFor   = 20 * time.Second // for what was approved to run
	watchEvery = 200 * time.Millisecond
)

func (a *app) approveCommand() *cobra.Command {
	return a.onRecord("approve ID", "Agree to what was asked for", func(ctx context.Context, p *parts, rec approval.Record) error {
		if p.policyErr != nil {
			return invalid(p.policyErr)
		}
		return a.decide(ctx, p, rec, true, "")
	})
}

func (a *app) denyCommand() *cobra.Command {
	var reason string
	cmd := a.onRecord("deny ID", "Say no to what was asked for", func(ctx context.Context, p *parts, rec approval.Record) error {
		return a.decide(ctx, p, rec, false, reason)
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why not, for whoever asked")
	return cmd
}

// decide shows the card to a person at a real terminal, and records what they answer. No
// flag and no pipe says yes for them; a no may come from anywhere.
func (a *app) decide(ctx context.Context, p *parts, rec approval.Record, yes bool, reason string) error {
	if err := a.answerable(p, rec, yes); err != nil {
		return err
	}
	text := ""
	if yes {
		if no := p.whyNotYes(ctx, rec); no != "" {
			return fail(runner.Refuse, "%s", no)
		}
	}
	if yes || a.io.atTerminal() {
		var err error
		if text, err = a.askAbout(ctx, rec, yes); err != nil {
			return err
		}
	}
	answer := runner.Answer{Approval: rec.ID, Channel: permissions.Terminal, Yes: yes, Text: text}
	if err := p.identify(ctx); err != nil { // a key may have ended while the person read
		return err
	}
	decided, err := p.runner.Decide(ctx, p.actor, answer, reason)
	switch {
	case err != nil && p.whyNot(ctx, rec, yes) != "":
		return fail(runner.Refuse, "%v", err)
	case err != nil:
		return fail(runner.Failed, "%v", err)
	}
	if !yes {
		return a.tellEnd(decided, nil)
	}
	return a.follow(ctx, p, decided)
}

// whyNotYes says why a yes from here would not count, before anybody is asked for one; "" if it does.
func (p *parts) whyNotYes(ctx context.Context, rec approval.Record) string {
	return cmp.Or(p.whyNot(ctx, rec, true), p.runner.Room(ctx, rec))
}

// whyNot says why the person at this terminal may not answer a record; "" if they may.
func (p *parts) whyNot(ctx context.Context, rec approval.Record, yes bool) string {
	return p.runner.MayAnswer(ctx, rec, p.actor, runner.Answer{Approval: rec.ID, Channel: permissions.Terminal, Yes: yes})
}

// askAbout shows a record's card, and returns the answer to it.
func (a *app) askAbout(ctx context.Context, rec approval.Record, yes bool) (string, error) {
	card, err := runner.CardOf(rec)
	if err != nil {
		return "", err
	}
	question := toAgree(card, "Approve this?")
	if !yes {
		question = toDeny(card)
	}
	text, err := a.io.ask(ctx, card.Text(), question)
	switch {
	case err != nil || text == "":
		return "", fail(runner.Waiting, "no answer was given; the request stays open")
	case !fits(text, rec.Confirm, yes):
		return "", fail(runner.Waiting, "%s; nothing was changed and the request stays open", mismatch(rec.Confirm, yes))
	}
	return text, nil
}

// answerable refuses what cannot be answered, before anything is asked.
func (a *app) answerable(p *parts, rec approval.Record, yes bool) error {
	if err := p.mayTry(rec); err != nil {
		return err
	}
	state := a.stateOf(rec)
	switch {
	case state == approval.Expired:
		return fail(runner.Waiting, "approval %s has expired; ask for the same again to get a new one", rec.ID)
	case state == approval.Approved && yes:
		return fail(runner.Waiting, "approval %s has been approved before; it runs when its asker's side takes it up", rec.ID)
	case state != approval.Pending && state != approval.Approved:
		return fail(runner.Failed, "approval %s is %s and can no longer be answered. %s", rec.ID, state, text.Clean(rec.Message))
	case yes && !a.io.atTerminal():
		return fail(runner.Waiting, "this must be answered by a person at a terminal, and here is none; nothing was changed. "+
			"A person runs in a terminal window: vpsbot approvals approve %s", rec.ID)
	}
	return nil
}

// fits reports whether the text is the answer that the card asks for. A no is never too
// easily said: a plain yes to the denial is enough.
func fits(text, name string, yes bool) bool {
	if name == "" || !yes && isYes(text) {
		return isYes(text)
	}
	return text == name
}

func mismatch(name string, yes bool) string {
	switch {
	case name == "":
		return "that is not a yes"
	case yes:
		return "that is not the name"
	}
	return "that is neither the name nor y, so it is not denied"
}

// follow waits a little for the asker's side to run what was approved.
func (a *app) follow(ctx context.Context, p *parts, rec approval.Record) error {
	switch {
	case rec.State == approval.Pending:
		return a.tellMissing(ctx, p, rec)
	case p.isOursToRun(ctx, rec):
		return a.runApproved(ctx, p, rec)
	case strings.HasPrefix(rec.API, config.Simulator+"-") && !p.store.alive(rec.Session):
		_, err := fmt.Fprintln(a.io.Out, "Approved. Nothing carries it out: the built-in simulator that it was asked of has ended with its command.")
		return err
	case rec.Surface == string(permissions.Terminal) && !p.isOwn(rec.Actor, rec.Person):
		_, err := fmt.Fprintf(a.io.Out, "Approved. It runs when %s, who asked, gives the same command again.\n", text.Clean(rec.Actor))
		return err
	case rec.Surface == string(permissions.Terminal):
		_, err := fmt.Fprintln(a.io.Out, "Approved. "+sameAgain(rec))
		return err
	case !p.store.alive(rec.Session):
		_, err := fmt.Fprintln(a.io.Out, "Approved. The assistant's side has ended; it runs when the assistant asks for the same again.")
		return err
	}
	fmt.Fprintln(a.io.Out, "Approved. The assistant's side runs it now …")
	rec, err := p.watch(ctx, rec)
	if err != nil {
		return err
	}
	if rec.State == approval.Approved || rec.State == approval.Executing {
		_, err = fmt.Fprintf(a.io.Out, "It has not ended yet. See how it ends: vpsbot approvals show %s\n", rec.ID)
		return err
	}
	return a.tellOutcome(rec)
}

// isOursToRun reports whether who is here asked for it themself at a terminal, on the same API and
// account and with the same token: then there is no other side that would run it.
func (p *parts) isOursToRun(ctx context.Context, rec approval.Record) bool {
	return rec.Interactive && rec.Actor == string(p.actor) && p.runner.IsOwn(ctx, rec)
}

func (a *app) runApproved(ctx context.Context, p *parts, rec approval.Record) error {
	ended, err := p.runner.RunApproved(ctx, p.runner.CallOf(rec), rec.ID)
	if err != nil {
		return err
	}
	if store, err := p.store.get(ctx); err == nil && !ended.State.IsOpen() {
		_, _ = store.Told(ctx, ended.ID, a.now()) // else the next asker is told once more
	}
	return a.tellOutcome(ended)
}

// sameAgain says how what was asked for at a terminal is carried out.
func sameAgain(rec approval.Record) string {
	const same = "Run the same command again to carry it out"
	op, ok := tools.Lookup(rec.Operation)
	if !ok {
		return same + "."
	}
	line := commandLine(op, rec.Input)
	if text.Clean(line) != line { // too long, or not as it looks
		return same + "."
	}
	return same + ", or this one:\n  " + line
}

func (p *parts) watch(ctx context.Context, rec approval.Record) (approval.Record, error) {
	store, err := p.store.get(ctx)
	if err != nil {
		return rec, err
	}
	ctx, cancel := context.WithTimeout(ctx, watchFor)
	defer cancel()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for rec.State == approval.Approved || rec.State == approval.Executing {
		select {
		case <-ctx.Done():
			return rec, nil
		case <-tick.C:
		}
		if now, err := store.Record(context.WithoutCancel(ctx), rec.ID); err == nil {
			rec = now
		}
	}
	return rec, nil
}

// tellOutcome ends with the code that the outcome has for its asker.
func (a *app) tellOutcome(rec approval.Record) error {
	if class := runner.ClassOf(rec.State); class != runner.OK {
		return fail(class, "%s", strings.TrimSpace(ending(rec)))
	}
	return a.tellEnd(rec, nil)
}
