package slackbot

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/slackbot/transport"
)

// asked is what a modal about a record takes along, sealed. It gives nobody a right: whoever
// submits the modal is looked at anew.
type asked struct {
	Approval string `json:"a"`
	URL      string `json:"u,omitempty"` // the press's own response_url
	Card     bool   `json:"c,omitempty"` // what was pressed is the asker's card
	Channel  string `json:"h,omitempty"`
	Home     bool   `json:"o,omitempty"` // what was pressed is in the Home tab
}

const askedPurpose = "asked"

// record finds what a press is about. Where there is nothing to answer any more it says so, and
// returns false.
func (b *Bot) record(ctx context.Context, v *visit, id string) (approval.Record, bool, error) {
	rec, err := b.stored(ctx, id)
	switch {
	case errors.Is(err, approval.ErrNotFound):
		return rec, false, b.tell(ctx, v, blocks.Plain("There is no such request. Nothing was sent."))
	case err != nil:
		return rec, false, b.tell(ctx, v, blocks.Plain(unreadable))
	}
	if why := b.Runner.Closed(rec, v.actor()); why != "" {
		return rec, false, b.refused(ctx, v, rec, why)
	}
	if rec = b.Runner.AsOfNow(ctx, rec); rec.State == approval.Pending {
		return rec, true, nil
	}
	b.refresh(ctx, v, rec)
	b.changed(ctx, rec.ID) // whatever still shows buttons for it
	return rec, false, b.tell(ctx, v, blocks.Plain("Nothing was sent now. "+runner.Standing(rec)))
}

// unreadable is what a person is told while the store cannot be read.
const unreadable = "vpsbot cannot read its store at the moment. Nothing was sent. Please try again in a minute."

func (b *Bot) stored(ctx context.Context, id string) (approval.Record, error) {
	store, err := b.Store(ctx)
	if err != nil {
		return approval.Record{}, err
	}
	return store.Record(ctx, id)
}

// agree takes a press that says yes. Where the name must be typed it opens the modal for it.
func (b *Bot) agree(ctx context.Context, v *visit, id string) error {
	rec, open, err := b.record(ctx, v, id)
	if !open {
		return err
	}
	if why := b.Runner.MayAnswer(ctx, rec, v.actor(), b.yes(v, rec)); why != "" {
		return b.refused(ctx, v, rec, why)
	}
	if no := b.Runner.Room(ctx, rec); no != "" {
		return b.refused(ctx, v, rec, no)
	}
	if rec.Confirm == "" {
		return b.decide(ctx, v, rec, b.yes(v, rec), "")
	}
	return b.openModal(ctx, v, blocks.NameModal(rec, b.token(askedPurpose, asked{rec.ID, v.url, v.ephemeral, v.channel, v.atHome})))
}

// approve takes a press that says yes for another person's request.
func (b *Bot) approve(ctx context.Context, v *visit, id string) error {
	rec, open, err := b.record(ctx, v, id)
	if !open {
		return err
	}
	if b.Runner.IsAsker(rec, v.actor()) {
		return b.refused(ctx, v, rec, "you asked for it, so another person must approve it")
	}
	return b.agree(ctx, v, id)
}

func (b *Bot) yes(v *visit, rec approval.Record) runner.Answer {
	return runner.Answer{
		Approval: rec.ID, Channel: permissions.Slack, Yes: true, External: v.external, Groups: v.groups, Wait: true,
	}
}

// openView opens a window, and returns its id. One whose blocks Slack does not take is opened with
// its inputs and plain text alone.
func (b *Bot) openView(ctx context.Context, v *visit, modal slack.ModalViewRequest) (id string, err error) {
	opened, err := b.slack.OpenViewContext(ctx, v.trigger, modal)
	if viewTooMuch(err) {
		b.Log.Error("Slack does not take the blocks of a window; it is opened without", "error", err)
		modal.Blocks = blocks.Bare(modal.Blocks)
		opened, err = b.slack.OpenViewContext(ctx, v.trigger, modal)
	}
	if err != nil {
		return "", err
	}
	return opened.ID, nil
}

func (b *Bot) openModal(ctx context.Context, v *visit, modal slack.ModalViewRequest) error {
	_, err := b.openView(ctx, v, modal)
	if err != nil {
		b.Log.Warn("Slack: opening a modal", "error", err)
		return b.tell(ctx, v, blocks.Plain("vpsbot could not open its window. Nothing was sent. "+reason(err)))
	}
	return nil
}

// decline takes the asker's own no.
func (b *Bot) decline(ctx context.Context, v *visit, id, reason string) error {
	rec, open, err := b.record(ctx, v, id)
	if !open {
		return err
	}
	a := b.yes(v, rec)
	a.Yes = false
	return b.decide(ctx, v, rec, a, reason)
}

// deny opens the window in which a second person can say why not.
func (b *Bot) deny(ctx context.Context, v *visit, id string) error {
	rec, open, err := b.record(ctx, v, id)
	if !open {
		return err
	}
	a := b.yes(v, rec)
	a.Yes = false
	if why := b.Runner.MayAnswer(ctx, rec, v.actor(), a); why != "" {
		return b.refused(ctx, v, rec, why)
	}
	return b.openModal(ctx, v, blocks.DenyModal(rec, b.token(askedPurpose, asked{rec.ID, v.url, v.ephemeral, v.channel, v.atHome})))
}

// refused tells somebody why their answer does not count, and writes it down.
func (b *Bot) refused(ctx context.Context, v *visit, rec approval.Record, why string) error {
	b.Runner.NoteRefusedAnswer(ctx, rec, v.actor(), why)
	return b.tell(ctx, v, blocks.Plain("Nothing was sent: "+why+"."))
}

// behind is the visit that a modal belongs to: what was pressed to open it.
func (b *Bot) behind(v *visit, w view) (asked, error) {
	var a asked
	if err := b.untoken(askedPurpose, w.Meta, &a); err != nil {
		return a, err
	}
	v.url, v.ephemeral, v.channel, v.atHome = a.URL, a.Card, a.Channel, a.Home
	return a, nil
}

// named takes the name that was typed into a modal. It was compared before it was acknowledged,
// and is compared again by the Runner.
func (b *Bot) named(ctx context.Context, v *visit, w view) error {
	a, err := b.behind(v, w)
	if err != nil {
		return err
	}
	rec, open, err := b.record(ctx, v, a.Approval)
	if !open {
		return err
	}
	answer := b.yes(v, rec)
	answer.Text = typed(w, blocks.BlockName)
	return b.decide(ctx, v, rec, answer, "")
}

func (b *Bot) denied(ctx context.Context, v *visit, w view) error {
	a, err := b.behind(v, w)
	if err != nil {
		return err
	}
	return b.decline(ctx, v, a.Approval, typed(w, blocks.BlockReason))
}

// typed returns what was written into a block's one input.
func typed(w view, block string) string {
	if w.State == nil {
		return ""
	}
	return strings.TrimSpace(w.State.Values[block][block].Value)
}

// decide brings an answer to the Runner. The asker's own, to what they asked for in Slack, runs
// it; any other is recorded, and the asker's side runs it.
func (b *Bot) decide(ctx context.Context, v *visit, rec approval.Record, a runner.Answer, reason string) error {
	b.refresh(ctx, v, rec)
	if isSlack(rec) && rec.Actor == string(v.actor()) {
		return b.answer(ctx, v, rec, a)
	}
	_, err := b.Runner.Decide(ctx, v.actor(), a, reason)
	b.changed(ctx, rec.ID)
	if err != nil {
		return b.tell(ctx, v, blocks.Plain("Nothing was sent: "+runner.Explain(err)+"."))
	}
	return nil
}

// answer runs what the asker agreed to, or ends what they declined.
func (b *Bot) answer(ctx context.Context, v *visit, rec approval.Record, a runner.Answer) error {
	call := b.Runner.CallOf(rec)
	call.Groups, call.External = v.groups, v.external
	call.Recorded = func(approval.Record) { b.changed(ctx, rec.ID) }
	reply := b.Runner.Answer(ctx, call, a)
	b.changed(ctx, rec.ID)
	if reply.Record == nil || reply.Outcome == runner.Busy || reply.Class == runner.Invalid {
		return b.tell(ctx, v, blocks.Plain(reply.Message))
	}
	return nil
}

// refresh makes the asker's card answer to the newest press: with the address that came along
// it can be rewritten for another half hour.
func (b *Bot) refresh(ctx context.Context, v *visit, rec approval.Record) {
	if v.ephemeral && v.url != "" && rec.Actor == string(v.actor()) {
		card := b.card(v, rec)
		card.TS = pressed
		if err := b.addPost(ctx, card); err != nil {
			b.Log.Warn("Slack: noting how a card can be rewritten", "approval", rec.ID, "error", err)
		}
	}
}

// pressed stands in for the time of a card that is there: Slack names none of what one person
// alone sees.
const pressed = "pressed"

// precheck looks at what was filled in before it is acknowledged: only then can Slack show at
// the field what is wrong. wrong is set where ack says so, and nothing is to be carried out.
func (b *Bot) precheck(ctx context.Context, d transport.Delivery) (ack []byte, wrong bool) {
	if d.Kind != transport.Interaction {
		return nil, false
	}
	var p payload
	if err := json.Unmarshal(d.Body, &p); err != nil {
		return nil, true
	}
	if p.Type != "view_submission" {
		return nil, p.Type != "block_actions"
	}
	switch p.View.CallbackID {
	case blocks.CallbackName:
		return b.checkName(ctx, permissions.SlackUser(p.User.ID), p.View)
	case blocks.CallbackForm:
		return b.checkForm(p.View)
	}
	return nil, false
}

// checkName compares the name that was typed, if it still decides anything.
func (b *Bot) checkName(ctx context.Context, who permissions.Actor, w view) (ack []byte, wrong bool) {
	var a asked
	if err := b.untoken(askedPurpose, w.Meta, &a); err != nil {
		return blocks.NameError("This window is too old. Close it and ask again."), true
	}
	rec, err := b.stored(ctx, a.Approval)
	if err != nil {
		return blocks.NameError(unreadable), true
	}
	if b.Runner.Closed(rec, who) != "" {
		return nil, false // the answer says why; nothing of the record is shown here
	}
	if rec = b.Runner.AsOfNow(ctx, rec); rec.State != approval.Pending {
		b.changed(ctx, rec.ID)
		return updated("Nothing was sent", runner.Standing(rec)), true
	}
	if typed(w, blocks.BlockName) != rec.Confirm {
		return blocks.NameError("That is not what is to be typed. Nothing was sent; type it exactly, or cancel."), true
	}
	return nil, false
}
