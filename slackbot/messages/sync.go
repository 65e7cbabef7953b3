package messages

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/background"
	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/slackbot/webapi"
)

const (
	maxFails    = 40              // some three hours, before a message is left as it is
	maxSending  = 16              // messages on their way at once
	lastSendFor = 2 * time.Second // for those on their way when the process stops
)

// Sync sends the messages that are due until ctx ends, and once more then. One that Slack keeps waiting
// does not hold up the others. Those on their way when ctx ends get two seconds: a message whose answer
// is not read would be posted a second time after the restart.
func (f *Follower) Sync(ctx context.Context) {
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(lastSendFor, cancel) })
	defer stop()
	tick := time.NewTicker(f.Every)
	defer tick.Stop()
	slots := make(chan struct{}, maxSending)
	var under sync.WaitGroup
	for ctx.Err() == nil {
		f.syncDue(sending, slots, &under)
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-f.wakeup:
		}
	}
	f.syncDue(sending, slots, &under)
	under.Wait()
}

func (f *Follower) syncDue(ctx context.Context, slots chan struct{}, under *sync.WaitGroup) {
	free := cap(slots) - len(slots)
	if free == 0 {
		return
	}
	err := background.Safely(ctx, func(ctx context.Context) error {
		store, err := f.Store(ctx)
		if err != nil {
			return err
		}
		due, err := store.DuePosts(ctx, f.Now(), free)
		for _, p := range due {
			slots <- struct{}{}
			under.Go(func() {
				err := background.Safely(ctx, func(ctx context.Context) error { return f.syncPost(ctx, store, p) })
				if err != nil {
					f.Log.Warn("Slack: bringing a message up to date", "approval", p.Approval, "kind", p.Kind, "error", err)
				}
				<-slots
				if len(due) == free {
					f.wake() // more may be due
				}
			})
		}
		return err
	})
	if err != nil && ctx.Err() == nil {
		f.Log.Warn("Slack: bringing messages up to date", "error", err)
	}
}

// update is one message while it is brought into step with its record.
type update struct {
	*Follower
	store Store
	post  delivery.Post
	rec   approval.Record
	shown blocks.Message // the content that the message must have
}

// syncPost brings one message into step with its record. A change of the record meanwhile is noticed
// by reading the record again once the post is saved.
func (f *Follower) syncPost(ctx context.Context, store Store, p delivery.Post) error {
	rec, err := store.Record(ctx, p.Approval)
	if err != nil && !errors.Is(err, approval.ErrNotFound) { // saving ends the claim: the next process need not wait for it
		return errors.Join(err, store.SavePost(context.WithoutCancel(ctx), p))
	}
	if err != nil || f.Runner.Closed(rec, permissions.SlackUser(p.User)) != "" { // the record was deleted, or the policy file removed
		p.Next = time.Time{}
		return store.SavePost(ctx, p)
	}
	u := &update{f, store, p, rec, blocks.Message{}}
	reason := u.compose(ctx)
	u.sync(ctx)
	err = u.notifyAsker(ctx, reason, p.TS == "" && u.post.TS != "")
	if err != nil {
		u.post.Next = f.Now().Add(waitingAgain)
	}
	switch saved := store.SavePost(context.WithoutCancel(ctx), u.post); {
	case errors.Is(saved, approval.ErrNotFound):
		f.wake() // it was replaced meanwhile, and is due again
		return nil
	case saved != nil:
		return saved
	}
	now, read := store.Record(ctx, p.Approval)
	if read == nil && (now.State != rec.State || now.Approver != rec.Approver) {
		return store.MarkDue(ctx, p.Approval, f.Now())
	}
	return err
}

// sync sends the message unless Slack shows it already, and notes the result in the post.
func (u *update) sync(ctx context.Context) {
	hash := hashOf(u.shown)
	if hash == u.post.Shown {
		u.post.Next = u.nextSync()
		return
	}
	err := u.deliver(ctx)
	limited, isLimited := errors.AsType[*webapi.RateLimitedError](err)
	switch {
	case err == nil:
		u.post.Shown, u.post.Fails, u.post.Next = hash, 0, u.nextSync()
	case isLimited: // no failure: Slack is well, and wants fewer requests
		u.post.Next = u.Now().Add(limited.After)
	case u.post.Fails >= maxFails || webapi.IsPermanent(err):
		u.giveUp(ctx, err)
	default:
		u.post.Fails++
		u.post.Next = u.Now().Add(webapi.RetryAfter(err, u.post.Fails))
	}
}

// nextSync is when the message is due if the record does not change before; zero: never.
func (u *update) nextSync() time.Time {
	switch {
	case u.rec.State == approval.Executing, u.inProgress(u.rec):
		return u.Now().Add(5 * u.Every) // how often the time of a running operation is shown
	case u.rec.State.IsOpen():
		return u.Now().Add(waitingAgain)
	}
	return time.Time{}
}

// giveUp leaves the message as it is until its record changes. A card that still asks becomes a direct
// message, unless there is one already: it is the only question.
func (u *update) giveUp(ctx context.Context, why error) {
	live, err := u.store.Post(ctx, liveKind+":"+u.rec.ID)
	if u.post.Kind == cardKind && u.rec.State == approval.Pending && (err != nil || !isDirect(live)) {
		if _, err := u.store.AddPost(ctx, u.directPost(u.rec)); err != nil {
			u.post.Next = u.Now().Add(waitingAgain)
			return
		}
		u.wake()
	}
	u.Log.Warn("Slack: a message cannot be shown; the audit log has the outcome", "approval", u.post.Approval, "kind", u.post.Kind, "error", why)
	u.post.Fails, u.post.Next = 0, time.Time{}
}

func hashOf(m blocks.Message) string {
	raw, err := json.Marshal(m)
	if err != nil {
		panic(err) // blocks are made of texts alone
	}
	return fmt.Sprintf("%x", sha256.Sum256(raw))
}

// Changes are debounced twice: those of one record during a claim of its post become one update of the
// message, and those of all records during a round of Sync become one more round.

// MarkDirty makes the messages about a record due at once.
func (f *Follower) MarkDirty(ctx context.Context, id string) {
	store, err := f.Store(ctx)
	if err == nil {
		err = store.MarkDue(context.WithoutCancel(ctx), id, f.Now())
	}
	if err != nil {
		f.Log.Debug("Slack: a message will be brought up to date later", "approval", id, "error", err)
	}
	f.wake()
}

// wake starts a round of Sync.
func (f *Follower) wake() { background.Wake(f.wakeup) }
