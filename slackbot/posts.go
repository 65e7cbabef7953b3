package slackbot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
)

// The kinds of messages that show a record.
const (
	cardKind      = "card"      // the question, as an answer to the asker alone
	liveKind      = "live"      // how the operation goes, for the asker
	approvalsKind = "approvals" // in the channel of those who must agree
	directKind    = "direct"    // the question to somebody who asked elsewhere than in Slack
	endKind       = "end"       // tells the asker that it has ended: a message of its own, because edits notify nobody
	turnKind      = "turn"      // tells the asker that it is their turn
)

const (
	urlLasts  = 29 * time.Minute // Slack forgets a response_url after thirty
	urlUses   = 5
	lookAgain = 45 * time.Second // at what waits, in case nobody told that it has changed
	retryMost = 5 * time.Minute
	giveUp    = 40              // failures, some three hours, before a message is left as it is
	atOnce    = 16              // messages on their way at once
	lookBack  = time.Minute     // more than clocks differ
	lookFirst = time.Hour       // at the start: as long as anything waits
	settleIn  = 5 * time.Second // for whoever made a record to make its messages
)

// seen is how each record looked when the messages about it were last made due.
type seen struct {
	mu      sync.Mutex
	records map[string]string
}

// differs reports whether a record looks otherwise than when it was last noted.
func (s *seen) differs(rec approval.Record) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records[rec.ID] != lookOf(rec)
}

// note remembers how a record looks.
func (s *seen) note(rec approval.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records == nil || len(s.records) > 10000 {
		s.records = map[string]string{}
	}
	s.records[rec.ID] = lookOf(rec)
}

func lookOf(rec approval.Record) string {
	return strings.Join([]string{string(rec.State), string(rec.Place), rec.Approver}, " ")
}

// look goes through what is open and what has just ended: it makes the messages due that show
// something else than what is so, asks in Slack what was asked elsewhere, and runs what was asked
// in Slack and agreed to elsewhere.
func (b *Bot) look(ctx context.Context) error {
	store, err := b.Store(ctx)
	if err != nil {
		return err
	}
	scope, err := b.Runner.Scope(ctx)
	if err != nil {
		return err
	}
	open, recent := scope, scope
	open.States, recent.Since = approval.Open, b.Now().Add(-lookBack)
	if !b.looked {
		recent.Since, b.looked = b.Now().Add(-lookFirst), true
	}
	var wrong []error // one record that cannot be looked after does not keep the others waiting
	for _, q := range []approval.Query{open, recent} {
		records, err := store.Find(ctx, q)
		wrong = append(wrong, err)
		for _, rec := range records {
			wrong = append(wrong, b.lookAt(ctx, store, rec))
		}
	}
	return errors.Join(wrong...)
}

func (b *Bot) lookAt(ctx context.Context, store Store, rec approval.Record) error {
	if rec.Overdue(b.Now()) {
		rec = b.Runner.AsOfNow(ctx, rec)
	}
	if rec.State == approval.Approved && isSlack(rec) {
		b.runApproved(ctx, rec)
	}
	if isSlack(rec) && b.Now().Sub(rec.CreatedAt) < settleIn || !b.seen.differs(rec) {
		return nil
	}
	if err := b.ensure(ctx, store, rec); err != nil {
		return err
	}
	if err := store.MarkDue(ctx, rec.ID, b.Now()); err != nil {
		return err
	}
	b.seen.note(rec)
	b.poke()
	return nil
}

// ensure makes the messages that a record must have and has not.
func (b *Bot) ensure(ctx context.Context, store Store, rec approval.Record) error {
	var posts []delivery.Post
	if rec.State == approval.Pending && rec.Place == approval.Elsewhere {
		posts = b.questions(rec)
	}
	if isSlack(rec) && rec.State.IsOpen() {
		posts = append(posts, b.livePost(rec, b.askerIn(rec))) // which asks, too, where it is a direct message
	}
	for _, p := range posts {
		if _, err := store.AddPost(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// livePost is the message that tells an asker how the operation goes.
func (b *Bot) livePost(rec approval.Record, user string) delivery.Post {
	return delivery.Post{Key: liveKind + ":" + rec.ID, Approval: rec.ID, Kind: liveKind, User: user, Channel: user, Next: b.Now()}
}

// directPost is the question to the asker as a direct message: they asked elsewhere, or the
// card that answered them cannot be shown.
func (b *Bot) directPost(rec approval.Record) delivery.Post {
	asker := b.askerIn(rec)
	return delivery.Post{Key: directKind + ":" + rec.ID, Approval: rec.ID, Kind: directKind, User: asker, Channel: asker, Next: b.Now()}
}

// runApproved runs what was asked in Slack, once: any replica may. The asker must still be
// allowed to: they are looked at as they are now.
func (b *Bot) runApproved(ctx context.Context, rec approval.Record) {
	key := "run " + rec.ID
	if _, busy := b.inHand.LoadOrStore(key, true); busy {
		return
	}
	b.running.Go(func() {
		defer b.inHand.Delete(key)
		err := b.guarded(b.working, func(ctx context.Context) error {
			call := b.Runner.CallOf(rec)
			call.Groups = b.groupsOf(ctx, &visit{user: b.askerIn(rec), external: call.External})
			call.Recorded = func(approval.Record) { b.changed(ctx, rec.ID) }
			_, err := b.Runner.RunApproved(ctx, call, rec.ID)
			return err
		})
		if err != nil {
			b.Log.Warn("Slack: running what was approved", "approval", rec.ID, "error", err)
		}
		b.changed(ctx, rec.ID)
	})
}

// questions are the messages that ask for the consents that a record waits for.
func (b *Bot) questions(rec approval.Record) []delivery.Post {
	var posts []delivery.Post
	asker := b.askerIn(rec)
	if rec.Own && asker != "" && !isSlack(rec) {
		posts = append(posts, b.directPost(rec))
	}
	channel := b.approvalsChannel()
	if channel != "" && (rec.Others > 0 || asker == "") {
		posts = append(posts, delivery.Post{Key: approvalsKind + ":" + rec.ID, Approval: rec.ID, Kind: approvalsKind, User: asker, Channel: channel, Next: b.Now()})
	}
	return posts
}

func (b *Bot) approvalsChannel() string {
	book := b.Runner.Policy().Book
	if book == nil {
		return ""
	}
	return book.Slack.Approvals
}

// askerIn returns the Slack user who is the asker of a record; "" if none is known.
func (b *Bot) askerIn(rec approval.Record) string {
	if user, ok := strings.CutPrefix(rec.Actor, "slack:"); ok {
		return user
	}
	policy := b.Runner.Policy()
	person, known := policy.Person(permissions.Actor(rec.Actor))
	if !known || policy.Book == nil {
		return ""
	}
	for _, p := range policy.Book.People {
		if p.ID != person {
			continue
		}
		for _, who := range p.Identities {
			if user, ok := strings.CutPrefix(string(who), "slack:"); ok {
				return user
			}
		}
	}
	return ""
}

func isSlack(rec approval.Record) bool {
	return rec.Origin().Surface == string(permissions.Slack)
}

// changed makes the messages about a record due at once.
func (b *Bot) changed(ctx context.Context, id string) {
	store, err := b.Store(ctx)
	if err == nil {
		err = store.MarkDue(context.WithoutCancel(ctx), id, b.Now())
	}
	if err != nil {
		b.Log.Debug("Slack: a message will be brought up to date later", "approval", id, "error", err)
	}
	b.poke()
}

func (b *Bot) poke() {
	select {
	case b.poked <- struct{}{}:
	default:
	}
}

// show keeps the messages up to date until ctx ends, and once more then. One that Slack keeps
// waiting does not hold up the others. What is on its way to Slack when ctx ends has lastWords to
// arrive: a message whose answer is not read would be posted a second time after the restart.
func (b *Bot) show(ctx context.Context) {
	sending, cancel := outlasting(ctx, lastWords)
	defer cancel()
	tick := time.NewTicker(b.Every)
	defer tick.Stop()
	slots := make(chan struct{}, atOnce)
	var showing sync.WaitGroup
	for ctx.Err() == nil {
		b.showDue(sending, slots, &showing)
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-b.poked:
		}
	}
	b.showDue(sending, slots, &showing)
	showing.Wait()
}

// outlasting returns a context that ends a while after ctx.
func outlasting(ctx context.Context, a time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(a, cancel) })
	return longer, func() {
		stop()
		cancel()
	}
}

// showDue begins to show what is due, as far as there is room.
func (b *Bot) showDue(ctx context.Context, slots chan struct{}, showing *sync.WaitGroup) {
	room := cap(slots) - len(slots)
	if room == 0 {
		return
	}
	err := b.guarded(ctx, func(ctx context.Context) error {
		store, err := b.Store(ctx)
		if err != nil {
			return err
		}
		due, err := store.DuePosts(ctx, b.owner(), b.Now(), room)
		for _, p := range due {
			slots <- struct{}{}
			showing.Go(func() {
				b.showSafely(ctx, store, p)
				<-slots
				if len(due) == room {
					b.poke() // there may be more
				}
			})
		}
		return err
	})
	if err != nil && ctx.Err() == nil {
		b.Log.Warn("Slack: bringing messages up to date", "error", err)
	}
}

func (b *Bot) showSafely(ctx context.Context, store Store, p delivery.Post) {
	err := b.guarded(ctx, func(ctx context.Context) error { return b.showOne(ctx, store, p) })
	if err != nil {
		b.Log.Warn("Slack: bringing a message up to date", "approval", p.Approval, "kind", p.Kind, "error", err)
	}
}

// showOne makes one message say how its record stands. What changes meanwhile is seen by
// reading the record again once the message is saved.
func (b *Bot) showOne(ctx context.Context, store Store, p delivery.Post) error {
	rec, err := store.Record(ctx, p.Approval)
	if errors.Is(err, approval.ErrNotFound) {
		p.Next = time.Time{}
		return store.SavePost(ctx, p)
	}
	if err != nil { // as when all is to end: whoever comes next need not wait for the lease to be over
		return errors.Join(err, store.SavePost(context.WithoutCancel(ctx), p))
	}
	if b.Runner.Closed(rec, permissions.SlackUser(p.User)) != "" { // the policy file was taken away meanwhile
		p.Next = time.Time{}
		return store.SavePost(ctx, p)
	}
	message, reason := b.messageOf(ctx, store, p, rec)
	first := p.TS == ""
	p = b.bring(ctx, store, p, rec, message)
	uncalled := b.callAsker(ctx, store, p, reason, first && p.TS != "")
	if uncalled != nil {
		p.Next = b.Now().Add(lookAgain)
	}
	err = store.SavePost(context.WithoutCancel(ctx), p)
	if errors.Is(err, approval.ErrNotFound) {
		b.poke() // it was replaced meanwhile, and is due again
		return nil
	}
	if err != nil {
		return err
	}
	now, err := store.Record(ctx, p.Approval)
	if err == nil && (now.State != rec.State || now.Approver != rec.Approver) {
		return store.MarkDue(ctx, p.Approval, b.Now())
	}
	return uncalled
}

// nextLook is when a message must be looked at again, if nothing happens before.
func (b *Bot) nextLook(rec approval.Record) time.Time {
	switch {
	case rec.State == approval.Executing, b.goesOn(rec):
		return b.Now().Add(5 * b.Every) // how often the time of what runs is shown
	case rec.State.IsOpen():
		return b.Now().Add(lookAgain)
	}
	return time.Time{}
}

// bring makes Slack show a message, if it does not show it already, and returns how it stands.
func (b *Bot) bring(ctx context.Context, store Store, p delivery.Post, rec approval.Record, m blocks.Message) delivery.Post {
	hash := hashOf(m)
	if hash == p.Shown {
		p.Next = b.nextLook(rec)
		return p
	}
	err := b.deliver(ctx, &p, m)
	limited, isLimited := errors.AsType[*limitedError](err)
	switch {
	case err == nil:
		p.Shown, p.Fails, p.Next = hash, 0, b.nextLook(rec)
	case isLimited: // Slack is well, and wants to be left alone: that is no failure
		p.Next = b.Now().Add(limited.after)
	case p.Fails >= giveUp || isOver(err):
		p = b.leave(ctx, store, p, rec, err)
	default:
		p.Fails++
		p.Next = b.Now().Add(waitAfter(err, p.Fails))
	}
	return p
}

// leave gives a message up until its record changes. A card that cannot be shown becomes a
// direct message while it still asks, unless there is one already: it is the only question.
func (b *Bot) leave(ctx context.Context, store Store, p delivery.Post, rec approval.Record, why error) delivery.Post {
	live, err := store.Post(ctx, liveKind+":"+rec.ID)
	if p.Kind == cardKind && rec.State == approval.Pending && (err != nil || !isDirect(live)) {
		if _, err := store.AddPost(ctx, b.directPost(rec)); err != nil {
			p.Next = b.Now().Add(lookAgain)
			return p
		}
		b.poke()
	}
	b.Log.Warn("Slack: a message cannot be shown; the audit log has the outcome", "approval", p.Approval, "kind", p.Kind, "error", why)
	p.Fails, p.Next = 0, time.Time{}
	return p
}

func waitAfter(err error, fails int) time.Duration {
	if limited, ok := errors.AsType[*limitedError](err); ok {
		return limited.after
	}
	return backoff.Doubled(time.Second/2, retryMost, fails)
}

func hashOf(m blocks.Message) string {
	raw, err := json.Marshal(m)
	if err != nil {
		panic(err) // blocks are made of texts alone
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
