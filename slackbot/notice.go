package slackbot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
)

const (
	claimLasts   = time.Minute      // how long one replica has something to itself
	sendWithin   = 10 * time.Second // much less: what takes longer is left to the next claim
	expiryAgain  = 10 * time.Minute // after a notice that may not have arrived
	mirrorPause  = time.Second      // between two messages to one channel
	mirrorRows   = 10               // in a message
	mirrorSize   = 12_000           // bytes of its blocks, which are more than its characters
	mirrorRound  = 30               // messages, before anything else has its turn
	mirrorCursor = "mirror:audit"
)

// notice tells the channels that the policy names what nobody has asked for: that the token
// expires, and what the audit log has to tell.
func (b *Bot) notice(ctx context.Context) error {
	book := b.Runner.Policy().Book
	if book == nil || !b.Ready() {
		return nil
	}
	store, err := b.Store(ctx)
	if err != nil {
		return err
	}
	channel := book.Slack.Approvals
	if channel == "" {
		channel = book.Slack.Audit
	}
	if channel != "" {
		err = b.noticeExpiry(ctx, store, channel)
	}
	if book.Slack.Audit != "" {
		err = errors.Join(err, b.mirror(ctx, store, book.Slack.Audit))
	}
	return err
}

// beginMirror notes where the log stands before anything is carried out, so that the audit channel
// gets every row from here on.
func (b *Bot) beginMirror(ctx context.Context) {
	book := b.Runner.Policy().Book
	if book == nil || book.Slack.Audit == "" {
		return
	}
	store, err := b.Store(ctx)
	if err == nil {
		_, err = b.mirrored(ctx, store, book.Slack.Audit)
	}
	if err != nil {
		b.Log.Warn("Slack: noting where the audit log stands", "error", b.scrub(err.Error()))
	}
}

// claim makes one replica alone do something, until until. A replica that dies meanwhile has done
// it or not: the next one does it again.
func (b *Bot) claim(ctx context.Context, store Store, key string, lasts time.Duration) (bool, error) {
	now := b.Now()
	return store.Once(ctx, "notice "+key, now, now.Add(lasts))
}

// noticeExpiry warns once a day of a token that expires. The day's post says that it was told.
func (b *Bot) noticeExpiry(ctx context.Context, store Store, channel string) error {
	says := b.Runner.ExpiryNotice(ctx)
	if says == "" {
		return nil
	}
	day := b.Now().UTC().Format(time.DateOnly)
	told := approval.Post{Key: "expiry:" + day, Approval: day, Kind: "expiry", Channel: channel}
	if _, err := store.Post(ctx, told.Key); !errors.Is(err, approval.ErrNotFound) {
		return err
	}
	mine, err := b.claim(ctx, store, told.Key, expiryAgain)
	if err != nil || !mine {
		return err
	}
	ctx = context.WithoutCancel(ctx) // what is begun is also noted
	if told.TS, err = b.send(ctx, channel, blocks.Expiry(says)); err != nil {
		return fmt.Errorf("warning of a token that expires: %w", err)
	}
	_, err = store.AddPost(ctx, told)
	return err
}

func (b *Bot) send(ctx context.Context, channel string, m blocks.Message) (ts string, err error) {
	ctx, cancel := context.WithTimeout(ctx, sendWithin)
	defer cancel()
	_, ts, err = b.slack.PostMessageContext(ctx, channel, options(m)...)
	return ts, known(err)
}

// mirror posts the rows of the audit log that the channel has not had yet. Where it stands is
// kept in a post, in which a row's number takes the place of a time; it is never due. Whoever
// claims the rows after one number posts them: no two replicas do, unless one of them dies, or
// Slack keeps it waiting, for a minute.
func (b *Bot) mirror(ctx context.Context, store Store, channel string) error {
	for round := 0; round < mirrorRound && ctx.Err() == nil; round++ {
		at, err := b.mirrored(ctx, store, channel)
		if err != nil {
			return err
		}
		rows, err := rowsAfter(ctx, store, at)
		if err != nil || len(rows) == 0 {
			return err
		}
		if more, err := b.mirrorRows(ctx, store, channel, at, rows); err != nil || !more {
			return err
		}
		pause(ctx, mirrorPause)
	}
	return nil
}

// mirrored returns up to which row the log was posted. When a channel is named for the first
// time, what was before stays out of it.
func (b *Bot) mirrored(ctx context.Context, store Store, channel string) (int64, error) {
	p, err := store.Post(ctx, mirrorCursor)
	if errors.Is(err, approval.ErrNotFound) {
		var newest int64
		for row, err := range store.Rows(ctx, audit.Filter{Limit: 1}) {
			if err != nil {
				return 0, err
			}
			newest = row.Seq
		}
		p = mirrorPost(channel, newest)
		if _, err := store.AddPost(ctx, p); err != nil {
			return 0, err
		}
		p, err = store.Post(ctx, mirrorCursor) // another replica may have been first
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(p.TS, 10, 64)
}

func mirrorPost(channel string, at int64) approval.Post {
	return approval.Post{Key: mirrorCursor, Approval: "audit", Kind: "mirror", Channel: channel, TS: strconv.FormatInt(at, 10)}
}

// rowsAfter returns the first rows after one, as many as a message takes.
func rowsAfter(ctx context.Context, store Store, at int64) (rows []audit.Row, err error) {
	for row, err := range store.Rows(ctx, audit.Filter{After: at}) {
		if err != nil {
			return nil, err
		}
		if rows = append(rows, row); len(rows) == mirrorRows {
			break
		}
	}
	return rows, nil
}

// mirrorRows posts the rows after one, if no other replica does or has just posted others, and
// notes it. more is set if the next may follow.
func (b *Bot) mirrorRows(ctx context.Context, store Store, channel string, at int64, rows []audit.Row) (more bool, err error) {
	for _, claim := range []struct {
		key   string
		lasts time.Duration
	}{{mirrorCursor + " pace", mirrorPause}, {mirrorCursor + " " + strconv.FormatInt(at, 10), claimLasts}} {
		mine, err := b.claim(ctx, store, claim.key, claim.lasts)
		if err != nil || !mine {
			return false, err
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*sendWithin) // what is begun is also noted
	defer cancel()
	if now, err := b.mirrored(ctx, store, channel); err != nil || now != at {
		return err == nil, err // they were posted before this replica came to claim them
	}
	message, n := mirrorMessage(rows)
	if _, err := b.send(ctx, channel, message); err != nil {
		return false, fmt.Errorf("mirroring the audit log: %w", err)
	}
	return true, store.SavePost(ctx, mirrorPost(channel, rows[n-1].Seq))
}

// mirrorMessage puts rows into one message, and returns how many it took: at least one.
func mirrorMessage(rows []audit.Row) (blocks.Message, int) {
	whole := blocks.Mirror(rows[0])
	n := 1
	for ; n < len(rows); n++ {
		next := slices.Concat(whole.Blocks, blocks.Mirror(rows[n]).Blocks)
		if raw, err := json.Marshal(next); err != nil || len(raw) > mirrorSize {
			break
		}
		whole.Blocks = next
	}
	if n > 1 {
		whole.Text = fmt.Sprintf("%d rows of the audit log", n)
	}
	return whole, n
}
