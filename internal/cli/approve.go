package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

const (
	followFor   = 20 * time.Second // how long the outcome of an approved change is waited for
	followEvery = 200 * time.Millisecond
)

const severalIDs = "Several ids are answered one after the other; the exit code is the highest of theirs."

func approveCommand(c *cli) *cobra.Command {
	cmd := answerCommand(c, "approve ID...", "Approve a request", func(ctx context.Context, s *session, rec approval.Record) error {
		if s.PolicyErr != nil {
			return app.Invalid(s.PolicyErr)
		}
		return s.decide(ctx, rec, true, "")
	})
	cmd.Long = "Shows the card, and asks for your yes or for the name: at a terminal, and nowhere else. The person who asked answers,\n" +
		"or one whom the policy names. " + severalIDs
	return cmd
}

func denyCommand(c *cli) *cobra.Command {
	var reason string
	cmd := answerCommand(c, "deny ID...", "Deny a request", func(ctx context.Context, s *session, rec approval.Record) error {
		return s.decide(ctx, rec, false, reason)
	})
	cmd.Long = "Ends requests: nothing of them is done. A plain yes to the question is enough, and a script, which is not asked,\n" +
		"can deny too. " + severalIDs
	cmd.Flags().StringVar(&reason, "reason", "", "a `TEXT`, shown to the requester")
	return cmd
}

// decide shows the card to a person at a real terminal, and records the answer. Only a person says yes; a no
// may come from a script as well.
func (s *session) decide(ctx context.Context, rec approval.Record, yes bool, reason string) error {
	if err := s.checkAnswerable(rec, yes); err != nil {
		return err
	}
	answer := runner.Answer{Approval: rec.ID, Channel: permissions.Terminal, Yes: yes}
	if yes { // before the person is asked for a yes that would not count
		no := s.Runner.MayAnswer(ctx, rec, s.Actor, answer)
		if no != "" && rec.Session == approval.ServeSession && s.Runner.Policy().Book == nil {
			no = "vpsbot serve has a policy, and here is none: set VPSBOT_POLICY_FILE to the file that it has, and approve again; the request stays open"
		}
		if no = cmp.Or(no, s.Runner.Room(ctx, rec)); no != "" {
			return app.Errorf(runner.Refuse, "%s", no)
		}
	}
	if yes || s.io.atTerminal() {
		var err error
		if answer.Text, err = s.askAbout(ctx, rec, yes); err != nil {
			return err
		}
	}
	if err := s.Authenticate(ctx); err != nil { // the key may have been revoked while the person read
		return err
	}
	decided, err := s.Runner.Decide(ctx, s.Actor, answer, reason)
	switch {
	case err != nil && s.Runner.MayAnswer(ctx, rec, s.Actor, answer) != "":
		return app.Errorf(runner.Refuse, "%v", err)
	case err != nil:
		return app.Errorf(runner.Failed, "%v", err)
	case !yes:
		return s.printEnd(decided, nil)
	}
	return s.follow(ctx, decided)
}

// checkAnswerable refuses what cannot be answered, before anything is asked.
func (s *session) checkAnswerable(rec approval.Record, yes bool) error {
	if err := s.checkAnswerer(rec); err != nil {
		return err
	}
	state := s.stateOf(rec)
	switch {
	case state == approval.Expired:
		return app.Errorf(runner.Waiting, "approval %s has expired; ask for the same again to get a new one", rec.ID)
	case state == approval.Approved && yes:
		return app.Errorf(runner.Waiting, "approval %s is approved already; it runs when the requester's process picks it up", rec.ID)
	case !state.Waits():
		return app.Errorf(runner.Failed, "approval %s is %s and can no longer be answered. %s", rec.ID, state, text.Clean(rec.Message))
	case yes && !s.io.atTerminal():
		return app.Errorf(runner.Waiting, "this must be answered by a person at a terminal, and here is none; nothing was changed. "+
			"A person runs in a terminal window: vpsbot approvals approve %s", runner.AnswerID(rec))
	}
	return nil
}

// checkAnswerer refuses an actor whose answer to a record cannot count, before anything is asked.
func (s *session) checkAnswerer(rec approval.Record) error {
	err := s.checkOwn(rec)
	if err == nil || s.Actor == "" || rec.Others == 0 {
		return err
	}
	policy := s.Runner.Policy()
	if policy.Book == nil {
		return app.Errorf(runner.Refuse, "approval %s needs a second person by the rules of a policy, and there is none here: set VPSBOT_POLICY_FILE to the same file", rec.ID)
	}
	if _, known := policy.Person(s.Actor); !known {
		return app.Errorf(runner.Refuse, "%s belongs to nobody under people in the policy, so it cannot agree for a second person", s.Actor)
	}
	return nil
}

func (s *session) askAbout(ctx context.Context, rec approval.Record, yes bool) (string, error) {
	card, err := runner.CardOf(rec, s.Now())
	if err != nil {
		return "", err
	}
	question := toAgree(card, "Approve this?")
	if !yes {
		question = toDeny(card)
	}
	asking, cancel := context.WithTimeout(ctx, rec.ExpiresAt.Sub(s.Now()))
	defer cancel()
	text, err := s.io.ask(asking, s.errStyle().card(card), question)
	switch {
	case err != nil || text == "": // perhaps because the time was over
		return "", cmp.Or[error](s.checkAnswerable(rec, yes), app.Errorf(runner.Waiting, "no answer was given; the request stays open"))
	case answers(text, rec.Confirm, yes):
		return text, nil
	}
	mismatch := "that is neither the name nor y, so it is not denied"
	if rec.Confirm == "" {
		mismatch = "that is not a yes"
	} else if yes {
		mismatch = "that is not the name"
	}
	return "", app.Errorf(runner.Waiting, "%s; nothing was changed and the request stays open", mismatch)
}

// answers reports whether a text is the answer that a question asks for. A plain yes is enough to deny.
func answers(text, name string, yes bool) bool {
	if name == "" || !yes && isYes(text) {
		return isYes(text)
	}
	return text == name
}

// follow runs what was approved, where that is this process's part, or waits a little for the requester's
// process to run it, or says how it will be run.
func (s *session) follow(ctx context.Context, rec approval.Record) error {
	isTerminal := rec.Surface == string(permissions.Terminal)
	isAlive, runs := s.Store.IsAlive(ctx, rec.Session), "The assistant's process"
	if rec.Session == approval.ServeSession {
		isAlive, runs = true, "vpsbot serve"
	}
	switch {
	case rec.State == approval.Pending:
		consents, err := s.db.Consents(ctx, rec.ID)
		if err != nil {
			return err
		}
		return s.answered(rec, fmt.Sprintf("Your yes is recorded. Still to agree: %s.", missingText(rec, approval.Missing(rec, consents))))
	case rec.Interactive && rec.Actor == string(s.Actor) && s.Runner.IsOwn(ctx, rec): // no other process would run it
		return s.runApproved(ctx, rec)
	case strings.HasPrefix(rec.API, config.Simulator+"-") && !isAlive:
		return s.answered(rec, "Approved. Nothing carries it out: the built-in simulator that it was asked of has ended with its command.")
	case isTerminal && !s.Runner.IsAsker(rec, s.Actor):
		return s.answered(rec, fmt.Sprintf("Approved. It runs when %s, who asked, gives the same command again.", text.Clean(rec.Actor)))
	case isTerminal:
		return s.answered(rec, "Approved. "+s.repeatCommand(rec))
	case !isAlive:
		return s.answered(rec, "Approved. The assistant's process has ended; it runs when the assistant asks for the same again.")
	}
	s.io.say("Approved. %s runs it now …", runs)
	waiting, cancel := context.WithTimeout(ctx, followFor)
	defer cancel()
	isRunning := func() bool { return rec.State == approval.Approved || rec.State == approval.Executing }
	for isRunning() && backoff.Sleep(waiting, followEvery) == nil {
		if now, err := s.db.Record(context.WithoutCancel(ctx), rec.ID); err == nil {
			rec = now
		}
	}
	if isRunning() {
		return notEnded(rec)
	}
	return s.printOutcome(rec)
}

// notEnded is the error where an approved change has not ended in time. Whether it will happen is not known.
func notEnded(rec approval.Record) error {
	if rec.State == approval.Approved && rec.Session == approval.ServeSession {
		return app.Errorf(runner.Lost, "approved, but no vpsbot serve has taken it up: is one running on this database? It runs when one starts, until %s. "+
			"To take the yes back: vpsbot approvals deny %s", runner.At(rec.ExpiresAt), rec.ID)
	}
	return app.Errorf(runner.Lost, "it has not ended yet. See how it ends: vpsbot approvals show %s", rec.ID)
}

func (s *session) runApproved(ctx context.Context, rec approval.Record) error {
	ended, err := s.Runner.RunApproved(ctx, s.Runner.CallOf(rec), rec.ID)
	if err != nil {
		return err
	}
	if !ended.State.IsOpen() {
		_, _ = s.db.MarkDelivered(ctx, ended.ID, s.Now()) // else the requester hears the outcome a second time
	}
	return s.printOutcome(ended)
}

// repeatCommand says how a request made at a terminal is carried out.
func (c *cli) repeatCommand(rec approval.Record) string {
	const again = "Run the same command again to carry it out"
	op, ok := c.Catalogue.Lookup(rec.Operation)
	if !ok {
		return again + "."
	}
	line := CommandLine(op, rec.Input)
	if text.Clean(line) != line { // too long, or with characters that cannot be shown
		return again + "."
	}
	return again + ", or this one:\n  " + line
}

// printOutcome ends with the exit code that the outcome has for the requester.
func (s *session) printOutcome(rec approval.Record) error {
	if class := runner.ClassOf(rec.State); class != runner.OK {
		if s.output.isForProgram() {
			_ = s.printRecord(rec)
		}
		return app.Errorf(class, "%s", strings.TrimSpace(s.outcomeText(rec)))
	}
	return s.printEnd(rec, nil)
}

// missingText names those whose yes a record still waits for.
func missingText(rec approval.Record, q approval.Quorum) string {
	var who []string
	if q.Own {
		who = append(who, text.Clean(rec.Actor)+", who asked")
	}
	if q.Others > 0 {
		people := "another person"
		if q.Others > 1 {
			people = fmt.Sprintf("%d other people", q.Others)
		}
		who = append(who, people+" ("+cmp.Or(text.Clean(rec.Approvers), "anybody who may do this there")+")")
	}
	return strings.Join(who, "; and ")
}

func (s *session) waitsForActor(ctx context.Context, rec approval.Record) (bool, error) {
	if s.Actor == "" || s.stateOf(rec) != approval.Pending {
		return false, nil
	}
	own := s.Runner.IsAsker(rec, s.Actor)
	if rec.Others == 0 {
		return own, nil
	}
	consents, err := s.db.Consents(ctx, rec.ID)
	person, _ := s.Runner.Policy().Person(s.Actor)
	given := slices.ContainsFunc(consents, func(one approval.Consent) bool { return one.Yes && one.Person == person })
	q := approval.Missing(rec, consents)
	switch {
	case err != nil || given:
		return false, err
	case own:
		return q.Own, nil
	}
	yes := runner.Answer{Approval: rec.ID, Channel: permissions.Terminal, Yes: true}
	return q.Others > 0 && s.Runner.MayAnswer(ctx, rec, s.Actor, yes) == "", nil
}
