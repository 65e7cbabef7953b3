package slackbot

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/command"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/slackbot/messages"
	"github.com/vpsbot/vpsbot/slackbot/webapi"
)

const unreadable = "vpsbot cannot read its store at the moment. Nothing was sent. Please try again in a minute."

func (b *Bot) record(ctx context.Context, id string) (approval.Record, error) {
	store, err := b.Store(ctx)
	if err != nil {
		return approval.Record{}, err
	}
	return store.Record(ctx, id)
}

// withPending calls do with the record that a press answers. If there is nothing to answer any more it
// replies that to the person instead.
func (r *request) withPending(ctx context.Context, id string, do func(rec approval.Record) error) error {
	rec, err := r.record(ctx, id)
	switch {
	case errors.Is(err, approval.ErrNotFound):
		return r.replyText(ctx, "There is no such request. Nothing was sent.")
	case err != nil:
		return r.replyText(ctx, unreadable)
	}
	if why := r.Runner.Closed(rec, r.actor()); why != "" {
		return r.refuse(ctx, rec, why)
	}
	if rec = r.Runner.AsOfNow(ctx, rec); rec.State == approval.Pending {
		return do(rec)
	}
	r.keepCard(ctx, rec)
	r.messages.MarkDirty(ctx, rec.ID) // a message may still show buttons
	return r.replyText(ctx, "Nothing was sent now. "+runner.Standing(r.Runner.Catalogue, rec))
}

// refuse says why an answer does not count, and adds a row to the audit log.
func (r *request) refuse(ctx context.Context, rec approval.Record, why string) error {
	r.Runner.NoteRefusedAnswer(ctx, rec, r.actor(), why)
	return r.replyText(ctx, "Nothing was sent: "+why+".")
}

func (r *request) answer(rec approval.Record, yes bool) runner.Answer {
	return runner.Answer{
		Approval: rec.ID, Channel: permissions.Slack, Yes: yes, External: r.external, Groups: r.groups, Wait: true,
	}
}

// agree handles a yes to a pending record, from its asker or, by the button Approve, from another
// person. If a name must be typed it opens the modal for that.
func (r *request) agree(ctx context.Context, id string, asOther bool) error {
	return r.withPending(ctx, id, func(rec approval.Record) error {
		if asOther && r.Runner.IsAsker(rec, r.actor()) {
			return r.refuse(ctx, rec, "you asked for it, so another person must approve it")
		}
		yes := r.answer(rec, true)
		if why := r.Runner.MayAnswer(ctx, rec, r.actor(), yes); why != "" {
			return r.refuse(ctx, rec, why)
		}
		if why := r.Runner.Room(ctx, rec); why != "" {
			return r.refuse(ctx, rec, why)
		}
		if rec.Confirm == "" {
			return r.decide(ctx, rec, yes, "")
		}
		return r.openModal(ctx, blocks.NameModal(rec, r.answerToken(rec)))
	})
}

func (r *request) decline(ctx context.Context, id, reason string) error {
	return r.withPending(ctx, id, func(rec approval.Record) error {
		return r.decide(ctx, rec, r.answer(rec, false), reason)
	})
}

// askReason opens the modal in which a second person can give the reason for their no.
func (r *request) askReason(ctx context.Context, id string) error {
	return r.withPending(ctx, id, func(rec approval.Record) error {
		if why := r.Runner.MayAnswer(ctx, rec, r.actor(), r.answer(rec, false)); why != "" {
			return r.refuse(ctx, rec, why)
		}
		return r.openModal(ctx, blocks.DenyModal(rec, r.answerToken(rec)))
	})
}

func (r *request) openModal(ctx context.Context, modal slack.ModalViewRequest) error {
	_, err := r.api.OpenView(ctx, r.trigger, modal)
	if err != nil {
		r.Log.Warn("Slack: opening a modal", "error", err)
		return r.replyText(ctx, "vpsbot could not open its window. Nothing was sent. "+webapi.Explain(err))
	}
	return nil
}

// answerMeta is the sealed metadata of a modal about a record: the press that opened it. It grants
// nothing: the person who submits the modal is checked again.
type answerMeta struct {
	Approval    string `json:"a"`
	ResponseURL string `json:"u,omitempty"`
	Ephemeral   bool   `json:"c,omitempty"`
	Channel     string `json:"h,omitempty"`
	AtHome      bool   `json:"o,omitempty"`
}

const answerPurpose = "asked"

func (r *request) answerToken(rec approval.Record) string {
	return r.sealer.Token(answerPurpose, answerMeta{rec.ID, r.responseURL, r.ephemeral, r.channel, r.atHome})
}

// submitAnswer handles the modal of a no with its reason, and the modal in which a name is typed. The name
// was compared before the acknowledgement, and the Runner compares it again. The request continues the
// press that opened the modal.
func (r *request) submitAnswer(ctx context.Context, w view) error {
	var m answerMeta
	if err := r.sealer.OpenToken(answerPurpose, w.Meta, &m); err != nil {
		return err
	}
	r.responseURL, r.ephemeral, r.channel, r.atHome = m.ResponseURL, m.Ephemeral, m.Channel, m.AtHome
	if w.CallbackID == blocks.CallbackDeny {
		return r.decline(ctx, m.Approval, inputText(w, blocks.BlockReason))
	}
	return r.withPending(ctx, m.Approval, func(rec approval.Record) error {
		answer := r.answer(rec, true)
		answer.Text = inputText(w, blocks.BlockName)
		return r.decide(ctx, rec, answer, "")
	})
}

func inputText(w view, block string) string {
	return strings.TrimSpace(w.State.Values[block][block].Value)
}

// checkName compares the name typed into a modal before it is acknowledged, if it still decides
// anything. done is set if nothing is left to carry out.
func (b *Bot) checkName(ctx context.Context, who permissions.Actor, w view) (ack []byte, done bool) {
	var m answerMeta
	if err := b.sealer.OpenToken(answerPurpose, w.Meta, &m); err != nil {
		return blocks.NameError("This window is too old. Close it and ask again."), true
	}
	rec, err := b.record(ctx, m.Approval)
	if err != nil {
		return blocks.NameError(unreadable), true
	}
	if b.Runner.Closed(rec, who) != "" {
		return nil, false // the reply says why; nothing of the record is shown here
	}
	if rec = b.Runner.AsOfNow(ctx, rec); rec.State != approval.Pending {
		b.messages.MarkDirty(ctx, rec.ID)
		return blocks.UpdateAck("Nothing was sent", runner.Standing(b.Runner.Catalogue, rec)), true
	}
	if inputText(w, blocks.BlockName) != rec.Confirm {
		return blocks.NameError("That is not what is to be typed. Nothing was sent; type it exactly, or cancel."), true
	}
	return nil, false
}

// decide passes an answer to the Runner. The asker's answer to their own request in Slack runs the
// operation; any other is recorded, and the asker's process runs it.
func (r *request) decide(ctx context.Context, rec approval.Record, a runner.Answer, reason string) error {
	r.keepCard(ctx, rec)
	if !messages.IsSlack(rec) || rec.Actor != string(r.actor()) {
		_, err := r.Runner.Decide(ctx, r.actor(), a, reason)
		r.messages.MarkDirty(ctx, rec.ID)
		if err != nil {
			return r.replyText(ctx, "Nothing was sent: "+runner.Explain(err)+".")
		}
		return nil
	}
	call := r.Runner.CallOf(rec)
	call.Groups, call.External = r.groups, r.external
	call.OnRecord = func(approval.Record) { r.messages.MarkDirty(ctx, rec.ID) }
	reply := r.Runner.Answer(ctx, call, a)
	r.messages.MarkDirty(ctx, rec.ID)
	if reply.Record == nil || reply.Outcome == runner.Busy || reply.Class == runner.Invalid {
		return r.replyText(ctx, reply.Message)
	}
	return nil
}

// keepCard keeps the response_url of a press on the asker's own card, to rewrite the card by.
func (r *request) keepCard(ctx context.Context, rec approval.Record) {
	if r.ephemeral && r.responseURL != "" && rec.Actor == string(r.actor()) {
		r.messages.KeepCard(ctx, r.asked(false), rec)
	}
}

// listApprovals lists the records that wait for the person, and those that they asked for.
func (r *request) listApprovals(ctx context.Context, c command.Command) error {
	open, err := r.openRecords(ctx)
	if err != nil {
		return r.noStore(ctx, err)
	}
	names, hasWords := r.namesOf(ctx), search(c.Rest)
	isOther := func(rec approval.Record) bool {
		return !hasWords(append(names(rec.Actor), rec.Operation, rec.TargetName, rec.Person, string(rec.State))...)
	}
	return r.reply(ctx, blocks.Approvals(slices.DeleteFunc(open.own, isOther), slices.DeleteFunc(open.answerable, isOther), r.Now()))
}

// openRecords are the open records, newest first, by their relation to a person.
type openRecords struct {
	own        []approval.Record // they asked for it. Own is set while their own yes is missing
	answerable []approval.Record // they may agree to it as another person, and have not answered
	others     []approval.Record
}

func (r *request) openRecords(ctx context.Context) (all openRecords, err error) {
	store, err := r.Store(ctx)
	if err != nil {
		return all, err
	}
	query, err := r.Runner.Scope(ctx)
	if err != nil {
		return all, err
	}
	query.States = approval.Open
	records, err := store.Find(ctx, query)
	if err != nil {
		return all, err
	}
	for _, rec := range records {
		if rec.Overdue(r.Now()) || r.Runner.Closed(rec, r.actor()) != "" {
			continue
		}
		isOwn := r.Runner.IsAsker(rec, r.actor())
		if !isOwn && (rec.State != approval.Pending || r.Runner.MayAnswer(ctx, rec, r.actor(), r.answer(rec, true)) != "") {
			all.others = append(all.others, rec)
			continue
		}
		answered, err := r.hasAnswered(ctx, store, rec)
		switch {
		case err != nil:
			return all, err
		case isOwn:
			rec.Own = rec.Own && !answered
			all.own = append(all.own, rec)
		case answered:
			all.others = append(all.others, rec)
		default:
			all.answerable = append(all.answerable, rec)
		}
	}
	return all, nil
}

// hasAnswered reports whether the person has answered a record, by any of their identities.
func (r *request) hasAnswered(ctx context.Context, store Store, rec approval.Record) (bool, error) {
	if rec.State != approval.Pending {
		return true, nil
	}
	given, err := store.Consents(ctx, rec.ID)
	return runner.HasAnswered(r.Runner.Policy(), given, r.actor()), err
}
