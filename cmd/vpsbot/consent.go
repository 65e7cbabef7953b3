package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

// consent gets the answer that a reply asks for, and brings it to the Runner.
func (r *operationRun) consent(ctx context.Context, call runner.Call, reply runner.Reply) runner.Reply {
	if c := r.stillMissing(ctx, reply); !c.Own {
		return r.othersFirst(reply, c)
	}
	answer := runner.Answer{Approval: reply.Record.ID, Yes: true, Wait: r.wait(call)}
	wanted := reply.Record.Confirm
	switch by := r.answerer(ctx, call, *reply.Record); by {
	case "":
		if !r.parts.runner.Carries(ctx, *reply.Record, permissions.Terminal) {
			return r.notHere(ctx, reply)
		}
		return r.elsewhere(ctx, reply)
	case permissions.Script:
		answer.Channel, answer.Text = by, r.flags.confirm
		if !r.flags.json {
			r.io.say("%s\n%s", reply.Card.Text(), byFlag)
		}
	default:
		answer.Channel = by
		if wanted == "" && r.flags.yes {
			break
		}
		text, err := r.ask(ctx, *reply.Card)
		if err != nil || text == "" {
			return r.gaveUp(ctx, call, reply)
		}
		answer.Text, answer.Yes = text, wanted != "" || isYes(text)
	}
	if err := r.parts.identify(ctx); err != nil { // a key may have ended while the person read
		return runner.Reply{Op: r.op, Class: runner.Refuse, Outcome: runner.Refused, Message: err.Error()}
	}
	reply = r.parts.runner.Answer(ctx, call, answer)
	if reply.Outcome == runner.ApprovalRequired && reply.Record != nil {
		return r.othersFirst(reply, r.stillMissing(ctx, reply))
	}
	return reply
}

// byFlag is what a card says of an answer that nobody typed.
const byFlag = "Answered by a flag."

// answerer is the channel over which a yes comes from here; empty: none does. A flag is a person's
// own answer at a real terminal, and only where it spares a [y/N]: a name is always typed. All else
// that a flag says is a script's, and counts where the policy names the channel script.
func (r *operationRun) answerer(ctx context.Context, call runner.Call, rec approval.Record) permissions.Surface {
	flag := r.flags.yes
	if rec.Confirm != "" {
		flag = r.flags.confirm != ""
	}
	carries := func(channel permissions.Surface) bool { return r.parts.runner.Carries(ctx, rec, channel) }
	byScript := flag && call.Actor.IsKey() && carries(permissions.Script)
	byPerson := call.Interactive && carries(permissions.Terminal)
	switch {
	case byPerson && !(byScript && rec.Confirm != ""):
		return permissions.Terminal
	case byScript:
		return permissions.Script
	}
	return ""
}

// elsewhere says how a person can agree who is not at this terminal.
func (r *operationRun) elsewhere(ctx context.Context, reply runner.Reply) runner.Reply {
	if !r.flags.json && reply.Card != nil {
		r.io.say("%s", reply.Card.Text())
	}
	reply.Message = "a person must agree first, and this is no terminal to ask at. " + r.howToAgree(reply.Record)
	if r.parts.asksInSlack(ctx) && r.parts.runner.Carries(ctx, *reply.Record, permissions.Slack) {
		reply.Message += ". It is asked in Slack too"
	}
	if r.flags.yes || r.flags.confirm != "" {
		reply.Message = "no flag answers for a person here; " + reply.Message
	}
	return reply
}

// howToAgree names the command of who may agree. What was asked of the built-in simulator, nothing can carry
// out later: its world ends with the command.
func (r *operationRun) howToAgree(rec *approval.Record) string {
	if r.parts.config.IsSimulator() {
		return fmt.Sprintf("The built-in simulator ends with this command, so after vpsbot approvals approve %s nothing is there to carry it out: "+
			"type the command at a terminal, or start vpsbot simulator, which lives on, and set VPS_API_URL to its address", rec.ID)
	}
	who := "a person"
	if permissions.Actor(rec.Actor).IsKey() {
		who = "a person with the same access key"
	}
	return fmt.Sprintf("At one, %s runs: vpsbot approvals approve %s and then the same command again, which carries it out", who, rec.ID)
}

// notHere says where else a person can agree: the policy takes no answer from a terminal.
func (r *operationRun) notHere(ctx context.Context, reply runner.Reply) runner.Reply {
	if !r.flags.json && reply.Card != nil {
		r.io.say("%s", reply.Card.Text())
	}
	reply.Message = fmt.Sprintf("the policy takes no answer to this from a terminal. It can be agreed to in: %s (approval %s). "+
		"Then give the same command again, which carries it out", cmp.Or(r.parts.runner.Carriers(ctx, *reply.Record), "nowhere"), reply.Record.ID)
	return reply
}

// ask shows the card and returns the line that the person typed.
func (r *operationRun) ask(ctx context.Context, card runner.Card) (string, error) {
	if card.Confirm != "" && (r.flags.yes || r.flags.confirm != "") {
		r.io.say("At a terminal the name is always typed; --yes and --confirm do not spare it.")
	}
	return r.io.ask(ctx, card.Text(), toAgree(card, card.Question()))
}

// toAgree is the question that a yes is the answer to: for the name, or yesNo.
func toAgree(card runner.Card, yesNo string) string {
	if card.Confirm != "" {
		return card.Question() + ": "
	}
	return yesNo + " [y/N] "
}

// toDeny is the question that a no is the answer to.
func toDeny(card runner.Card) string {
	if card.Confirm != "" {
		return "Deny this, so that it is not done: type " + card.Confirm + ", or y: "
	}
	return "Deny this, so that it is not done? [y/N] "
}

// readLine reads one whole line; input that ends before is an error.
func readLine(ctx context.Context, in io.Reader) (string, error) {
	type line struct {
		text string
		err  error
	}
	typed := make(chan line, 1)
	go func() { // reading cannot be cancelled; the process ends soon after
		text, err := bufio.NewReader(in).ReadString('\n')
		typed <- line{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case l := <-typed:
		return l.text, l.err
	}
}

func isYes(text string) bool {
	text = strings.ToLower(text)
	return text == "y" || text == "yes"
}

// gaveUp ends what was asked here and nowhere else. No answer is no denial: nothing remembers it.
func (r *operationRun) gaveUp(ctx context.Context, call runner.Call, reply runner.Reply) runner.Reply {
	ending := context.WithoutCancel(ctx)
	r.parts.runner.GaveUp(ending, call.Actor, reply.Record.ID)
	reply.Message = "no answer was given; nothing was sent. That is no denial: the same command asks again."
	store, err := r.parts.store.get(ending)
	if err != nil {
		return reply
	}
	rec, err := store.Record(ending, reply.Record.ID)
	if err != nil || rec.State.IsOpen() {
		reply.Message = "no answer was given; nothing was sent. That is no denial, and the request stays open: vpsbot approvals approve " + reply.Record.ID
		return reply
	}
	reply.Outcome = runner.Declined
	reply.Card = nil
	return reply
}

// stillMissing returns whose yes the record of a reply waits for. Where that cannot be read,
// the requester is asked: the store decides in the end.
func (r *operationRun) stillMissing(ctx context.Context, reply runner.Reply) quorum {
	asker := quorum{Quorum: approval.Quorum{Own: true}}
	if reply.Record.Others == 0 {
		return asker
	}
	store, err := r.parts.store.get(ctx)
	if err != nil {
		return asker
	}
	c, err := r.parts.missing(ctx, store, *reply.Record)
	if err != nil {
		return asker
	}
	return c
}

// othersFirst says that the answer of whoever is here is given, or not needed, and whose is
// missing.
func (r *operationRun) othersFirst(reply runner.Reply, c quorum) runner.Reply {
	reply.Message = fmt.Sprintf("still to agree: %s. They run: vpsbot approvals approve %s; then give the same command again", c.of(*reply.Record), reply.Record.ID)
	return reply
}
