package messages

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/command"
	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/tools"
)

// compose sets the content of the message, and returns why the asker is to be notified.
func (u *update) compose(ctx context.Context) blocks.Reason {
	p, rec := u.post, u.rec
	answers, err := u.store.Consents(ctx, rec.ID)
	if err != nil {
		answers = nil // the record names who agreed, too
	}
	isPending := rec.State == approval.Pending && !rec.Overdue(u.Now())
	asksAsker := p.Kind == cardKind || isDirect(p) && (p.Kind == directKind || p.Kind == liveKind)
	switch {
	case isPending && p.Kind == approvalsKind:
		u.shown = blocks.Ask(rec, blocks.AskView{Catalogue: u.Runner.Catalogue, Role: blocks.Second, Asker: u.AskerIn(rec), Answers: answers, Call: u.approverIDs(ctx)})
		return blocks.NoReason
	case isPending && asksAsker && approval.Missing(rec, answers).Own:
		u.shown = blocks.Ask(rec, blocks.AskView{Catalogue: u.Runner.Catalogue, Role: blocks.Own, Asker: u.AskerIn(rec), Answers: answers})
		return blocks.NoReason
	}
	view := blocks.LiveView{
		Catalogue: u.Runner.Catalogue,
		Now:       u.Now(), Answers: answers, Undo: undoCommand(u.Runner.Catalogue, rec), Cancel: asksAsker && IsSlack(rec) && (p.Kind != cardKind || !rec.Own),
	}
	u.addProgress(ctx, &view)
	if p.Kind == cardKind { // it can be rewritten a few times only: no clock runs in it
		if view.Settled == "" {
			view.Waited, view.Progress = 0, ""
		}
		u.shown = blocks.Answered(rec, view)
		return blocks.NoReason
	}
	reason := blocks.Calls(rec, view)
	if p.Kind != approvalsKind && reason != blocks.NoReason && u.isNotification(ctx, reason) {
		view.Mention = p.User
	}
	u.shown = blocks.Live(rec, view)
	return reason
}

// notifyAsker adds a new message that notifies the asker of the end, or that it is their turn: once,
// whichever of the record's messages comes to it first. isNew says that this message has just been
// posted: then it has notified them itself.
func (u *update) notifyAsker(ctx context.Context, reason blocks.Reason, isNew bool) error {
	p := u.post
	if reason == blocks.NoReason || p.User == "" || p.TS == "" || p.Kind != liveKind && p.Kind != directKind {
		return nil // a message that is still to be posted notifies them itself
	}
	notice := u.newPost(string(reason), u.rec, p.User, p.Channel)
	if isNew {
		notice.TS, notice.Shown, notice.Next = p.TS, notifiedBy(p.Kind), time.Time{}
	}
	_, err := u.store.AddPost(context.WithoutCancel(ctx), notice)
	u.wake()
	return err
}

// notifiedBy stands for the hash of a notifying message where another message has notified the asker.
func notifiedBy(kind string) string { return "called by " + kind }

func (u *update) isNotification(ctx context.Context, reason blocks.Reason) bool {
	p := u.post
	if p.Kind == endKind || p.Kind == turnKind {
		return p.Kind == string(reason)
	}
	notice, err := u.store.Post(ctx, string(reason)+":"+p.Approval)
	if errors.Is(err, approval.ErrNotFound) {
		return p.TS == "" // it is to be posted
	}
	return err == nil && notice.Shown == notifiedBy(p.Kind)
}

// approverIDs are the Slack ids of those who may answer the record for another person: of the people
// of the policy, and of the user groups that it names.
func (u *update) approverIDs(ctx context.Context) (ids []string) {
	book := u.Runner.Policy().Book
	if book == nil {
		return nil
	}
	answer := runner.Answer{Approval: u.rec.ID, Channel: permissions.Slack, Yes: true}
	for _, person := range book.People {
		for _, who := range person.Identities {
			user, ok := SlackID(who)
			if ok && !u.Runner.IsAsker(u.rec, who) && u.Runner.MayAnswer(ctx, u.rec, who, answer) == "" {
				ids = append(ids, user)
			}
		}
	}
	for _, principal := range strings.FieldsFunc(u.rec.Approvers, func(c rune) bool { return c == ',' || c == ' ' }) {
		if id, ok := strings.CutPrefix(principal, "slack-group:"); ok {
			ids = append(ids, id)
		}
		for _, group := range book.Groups {
			if group.Name == principal {
				ids = append(ids, group.SlackGroups...)
			}
		}
	}
	return ids
}

func undoCommand(c *tools.Catalogue, rec approval.Record) string {
	op, ok := c.Lookup(rec.Operation)
	if !ok || op.Undo == "" || rec.State != approval.Done {
		return ""
	}
	back, _ := c.Lookup(op.Undo)
	input := undoInput(back, rec)
	if len(input) == 0 {
		return ""
	}
	return "/vps " + command.Command{Kind: command.Operation, Op: back, Input: input}.String()
}

// undoInput is the input of the operation that undoes a record: the server, the object that was made,
// or the former values of the fields that were changed.
func undoInput(back *tools.Op, rec approval.Record) map[string]string {
	result, _ := fieldtext.Decode(rec.Result) // without members nothing can be undone
	facts, _ := fieldtext.Decode(rec.Facts)
	id := result["id"]
	if back.Resource.IsServer {
		id = cmp.Or(facts["id"], id) // the result's where the record created it
	}
	if id == "" {
		return nil
	}
	input := map[string]string{}
	if back.Name == rec.Operation {
		changed, _ := fieldtext.Decode(rec.Input)
		for _, name := range back.FieldNames() {
			if facts[name] != "" && changed[name] != "" {
				input[name] = facts[name]
			}
		}
		if len(input) == 0 {
			return nil
		}
	}
	input[back.Positional()] = id
	return input
}

// followFor is how long a message shows work that goes on after VPS.org has accepted it.
const followFor = 30 * time.Minute

// work is how a record's work stood when it was last read. It is in memory alone: after a restart, and
// on another replica, it is read anew.
type work struct {
	runner.Work
	readAt time.Time
	took   time.Duration // until it had settled
}

func (f *Follower) inProgress(rec approval.Record) bool {
	op, ok := f.Runner.Catalogue.Lookup(rec.Operation)
	w, _ := f.progress.Get(rec.ID)
	return ok && op.Settles && rec.State == approval.Done && !w.Settled && f.Now().Sub(rec.ClaimedAt) < followFor
}

func (u *update) addProgress(ctx context.Context, view *blocks.LiveView) {
	elapsed := u.Now().Sub(u.rec.ClaimedAt).Truncate(time.Second)
	if u.rec.State == approval.Executing && !u.rec.ClaimedAt.IsZero() {
		view.Waited = elapsed
	}
	if u.inProgress(u.rec) {
		u.readProgress(ctx)
	}
	w, _ := u.progress.Get(u.rec.ID)
	view.Going = u.inProgress(u.rec)
	switch {
	case w.Settled:
		view.Settled, view.Waited, view.Result = w.Status, w.took, w.Result
	case view.Going:
		view.Progress, view.Waited = w.Status, elapsed
	}
}

// readProgress reads the status of the record's work, unless it was read within the work's pause. Work
// that failed gets a row in the audit log.
func (u *update) readProgress(ctx context.Context) {
	w, _ := u.progress.Get(u.rec.ID)
	now := u.Now()
	if now.Sub(w.readAt) < w.Pause {
		return
	}
	var err error
	w.readAt = now
	if w.Work, err = u.Runner.ReadWork(ctx, u.rec, w.Work); err != nil {
		u.Log.Debug("Slack: reading the progress of work", "approval", u.rec.ID, "error", runner.Explain(err))
	}
	if w.Settled {
		w.took = now.Sub(u.rec.ClaimedAt).Truncate(time.Second)
	}
	if w.Settled && tools.IsFailedStatus(w.Status) { // once over all replicas: the row of its call says done, because VPS.org had accepted it
		if first, err := u.store.Dedupe(ctx, "failed work "+u.rec.ID, now, now.Add(2*followFor)); err == nil && first {
			u.Runner.NoteWorkFailed(ctx, u.rec, w.Status)
		}
	}
	u.progress.Set(u.rec.ID, w)
}
