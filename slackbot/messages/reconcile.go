package messages

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/background"
	"github.com/vpsbot/vpsbot/internal/delivery"
)

const (
	recentEnds   = time.Minute      // records that ended so long ago are reconciled: more than clocks differ
	endsAtStart  = time.Hour        // at the first round: as long as any record waits
	settleIn     = 5 * time.Second  // a new record's own process adds its messages
	waitingAgain = 45 * time.Second // between two reconciliations of a waiting record that nobody marked dirty
	mostRecords  = 5_000            // of a round: of the open ones, and of those that ended. lastSeen holds both
)

// Reconcile reconciles the records at each interval until ctx ends. It returns once the records that
// it runs have ended, or are left to the store.
func (f *Follower) Reconcile(ctx context.Context) {
	background.Loop{Interval: f.Every, Log: f.Log, Message: "Slack: reconciling messages"}.Run(ctx, f.reconcile)
	f.approved.Stop()
}

// reconcile compares the open records and those that ended recently with their messages: it makes messages due that
// differ, adds questions for records from elsewhere, and runs records that were asked for in Slack
// and approved elsewhere.
func (f *Follower) reconcile(ctx context.Context) error {
	store, err := f.Store(ctx)
	if err != nil {
		return err
	}
	scope, err := f.Runner.Scope(ctx)
	if err != nil {
		return err
	}
	scope.Limit = mostRecords
	open, ended := scope, scope
	open.States, ended.Since = approval.Open, f.Now().Add(-recentEnds)
	if !f.swept {
		ended.Since, f.swept = f.Now().Add(-endsAtStart), true
	}
	var errs []error // an error with one record does not stop the others
	for _, query := range []approval.Query{open, ended} {
		records, err := store.Find(ctx, query)
		errs = append(errs, err)
		for _, rec := range records {
			errs = append(errs, f.reconcileRecord(ctx, store, rec))
		}
	}
	return errors.Join(errs...)
}

func (f *Follower) reconcileRecord(ctx context.Context, store Store, rec approval.Record) error {
	if rec.Overdue(f.Now()) {
		rec = f.Runner.AsOfNow(ctx, rec)
	}
	if rec.State == approval.Approved && IsSlack(rec) {
		f.runApproved(rec)
	}
	seen, _ := f.lastSeen.Get(rec.ID)
	if seen == appearance(rec) || IsSlack(rec) && f.Now().Sub(rec.CreatedAt) < settleIn {
		return nil
	}
	if err := f.ensureMessages(ctx, store, rec); err != nil {
		return err
	}
	if err := store.MarkDue(ctx, rec.ID, f.Now()); err != nil {
		return err
	}
	f.lastSeen.Set(rec.ID, appearance(rec))
	f.wake()
	return nil
}

// appearance is the part of a record that decides which messages it needs and whether they are due.
func appearance(rec approval.Record) string {
	return strings.Join([]string{string(rec.State), string(rec.AnswerMode), rec.Approver}, " ")
}

func (f *Follower) ensureMessages(ctx context.Context, store Store, rec approval.Record) error {
	var posts []delivery.Post
	if rec.State == approval.Pending && rec.AnswerMode == approval.Async {
		posts = f.questions(rec)
	}
	if IsSlack(rec) && rec.State.IsOpen() {
		asker := f.AskerIn(rec)
		posts = append(posts, f.newPost(liveKind, rec, asker, asker)) // which asks, too, where it is a direct message
	}
	for _, p := range posts {
		if _, err := store.AddPost(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// runApproved runs a record that was asked for in Slack, once: any replica may. The asker's groups
// are read anew, because they must still be allowed to run it.
func (f *Follower) runApproved(rec approval.Record) {
	if _, running := f.running.LoadOrStore(rec.ID, true); running {
		return
	}
	f.approved.Go(func(ctx context.Context) {
		defer f.running.Delete(rec.ID)
		err := background.Safely(ctx, func(ctx context.Context) error {
			call := f.Runner.CallOf(rec)
			call.Groups = f.Groups(ctx, f.AskerIn(rec), call.External)
			call.OnRecord = func(approval.Record) { f.MarkDirty(ctx, rec.ID) }
			_, err := f.Runner.RunApproved(ctx, call, rec.ID)
			return err
		})
		if err != nil {
			f.Log.Warn("Slack: running an approved record", "approval", rec.ID, "error", err)
		}
		f.MarkDirty(ctx, rec.ID)
	})
}
