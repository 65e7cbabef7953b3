package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// canAsk reports whether a question will be answered right here: by a person, or by flags.
func (r *operationRun) canAsk() bool {
	if r.op.Risk.WantsName() {
		return r.flags.confirm != "" || r.io.canPrompt()
	}
	return r.flags.yes || r.io.canPrompt()
}

// consent gets the answer that a reply asks for, and brings it to the Runner.
func (r *operationRun) consent(ctx context.Context, call tools.Call, reply tools.Reply) tools.Reply {
	answer := tools.Answer{Approval: reply.Record.ID, Channel: permissions.Terminal, Yes: true, Wait: r.wait(call)}
	wanted := reply.Record.Confirm
	if c := r.stillMissing(ctx, reply); !c.own {
		return r.othersFirst(reply, c)
	}
	switch {
	case wanted != "" && r.flags.confirm != "":
		answer.Text = r.flags.confirm
	case wanted == "" && r.flags.yes:
	case !r.parts.runner.Carries(ctx, *reply.Record, permissions.Terminal):
		return r.notHere(ctx, reply)
	case !r.io.canPrompt():
		return r.elsewhere(reply)
	default:
		text, err := r.ask(ctx, *reply.Card)
		if err != nil {
			return r.gaveUp(ctx, call, reply)
		}
		answer.Text, answer.Yes = text, wanted != "" || isYes(text)
	}
	if err := r.parts.identify(ctx); err != nil { // a key may have ended while the person read
		return tools.Reply{Op: r.op, Class: tools.Refuse, Outcome: tools.Refused, Message: err.Error()}
	}
	reply = r.parts.runner.Answer(ctx, call, answer)
	if reply.Outcome == tools.ApprovalRequired && reply.Record != nil {
		return r.othersFirst(reply, r.stillMissing(ctx, reply))
	}
	return reply
}

// elsewhere says how a person can agree who is not at this terminal.
func (r *operationRun) elsewhere(reply tools.Reply) tools.Reply {
	if !r.flags.json && reply.Card != nil {
		r.io.say("%s", reply.Card.Text())
	}
	answers := "--yes"
	if reply.Record.Confirm != "" {
		answers = "--confirm and " + r.wantedText(reply.Record.Confirm)
	}
	reply.Message = fmt.Sprintf("a person must agree first, and this is no terminal to ask at. In one, run: vpsbot approvals approve %s "+
		"and then the same command again, which carries it out; or answer here with %s", reply.Record.ID, answers)
	if r.flags.yes {
		reply.Message = yesIsNotEnough + " " + strings.ToUpper(reply.Message[:1]) + reply.Message[1:]
	}
	return reply
}

// notHere says where else a person can agree: the policy takes no answer from a terminal.
func (r *operationRun) notHere(ctx context.Context, reply tools.Reply) tools.Reply {
	if !r.flags.json && reply.Card != nil {
		r.io.say("%s", reply.Card.Text())
	}
	reply.Message = fmt.Sprintf("the policy takes no answer to this from a terminal. It can be agreed to in: %s (approval %s). "+
		"Then give the same command again, which carries it out", r.parts.runner.Carriers(ctx, *reply.Record), reply.Record.ID)
	return reply
}

const yesIsNotEnough = "The flag --yes never answers for what destroys data."

// wantedText says what is to be typed, without giving it.
func (r *operationRun) wantedText(confirm string) string {
	thing := "server"
	switch {
	case r.op.On == tools.OneBackup && strings.HasSuffix(r.op.Name, ".delete"):
		thing = "backup"
	case r.op.On == tools.OneSnapshot && strings.HasSuffix(r.op.Name, ".delete"):
		thing = "snapshot"
	}
	if apiclient.LooksLikeID(confirm) {
		return "the " + thing + "'s id"
	}
	return "the " + thing + "'s name"
}

// ask shows the card and returns the line that the person typed.
func (r *operationRun) ask(ctx context.Context, card tools.Card) (string, error) {
	if r.flags.yes {
		r.io.say(yesIsNotEnough)
	}
	return prompt(ctx, r.io.Err, r.io.In, card, toAgree(card, card.Question()))
}

// toAgree is the question that a yes is the answer to: for the name, or yesNo.
func toAgree(card tools.Card, yesNo string) string {
	if card.Confirm != "" {
		return card.Question() + ": "
	}
	return yesNo + " [y/N] "
}

// toDeny is the question that a no is the answer to.
func toDeny(card tools.Card) string {
	if card.Confirm != "" {
		return "Deny this, so that it is not done: type " + card.Confirm + ", or y: "
	}
	return "Deny this, so that it is not done? [y/N] "
}

// prompt shows a card with a question on w, and returns the line that was typed. It fails
// if the person gives up, by Ctrl-C or the end of input.
func prompt(ctx context.Context, w io.Writer, in io.Reader, card tools.Card, question string) (string, error) {
	if _, err := io.WriteString(w, card.Text()+"\n\n"+question); err != nil {
		return "", err
	}
	text, err := readLine(ctx, in)
	if err != nil {
		_, _ = io.WriteString(w, "\n") // the person's own line did not end
	}
	return strings.TrimSpace(text), err
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

// gaveUp ends what was asked here and nowhere else.
func (r *operationRun) gaveUp(ctx context.Context, call tools.Call, reply tools.Reply) tools.Reply {
	ending := context.WithoutCancel(ctx)
	r.parts.runner.GaveUp(ending, call.Actor, reply.Record.ID)
	reply.Message = "no answer was given; nothing was sent."
	store, err := r.parts.store.get(ending)
	if err != nil {
		return reply
	}
	rec, err := store.Record(ending, reply.Record.ID)
	if err != nil || rec.State.IsOpen() {
		reply.Message += " The request stays open: vpsbot approvals approve " + reply.Record.ID
		return reply
	}
	reply.Outcome = tools.Declined
	reply.Card = nil
	return reply
}
