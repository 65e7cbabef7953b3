package slackbot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/tools"
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
	mirrorSteps  = 100 // rows that are none of its kind, before a cursor moves on without a message
)

// stream is a kind of rows that the audit channel gets, in their order. Changes come first: who is
// refused again and again, or reads much, hides none.
type stream struct {
	cursor string
	takes  func(audit.Row) bool
}

var streams = [2]stream{
	{mirrorCursor, isChange},
	{"mirror:rest", func(row audit.Row) bool { return !isChange(row) }},
}

// isChange reports whether a row is neither a refusal nor a read.
func isChange(row audit.Row) bool {
	op, known := tools.Lookup(row.Operation)
	return row.Decision != audit.Refused && (!known || op.Risk != permissions.Read)
}

// notice tells the channels that the policy names what nobody has asked for: that the token
// expires, and what the audit log has to tell.
func (b *Bot) notice(ctx context.Context) error {
	book := b.Runner.Policy().Book
	if book == nil || !b.known() {
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
	for _, kind := range streams {
		if err == nil {
			_, err = b.mirrored(ctx, store, book.Slack.Audit, kind)
		}
	}
	if err != nil {
		b.Log.Warn("Slack: noting where the audit log stands", "error", err)
	}
}

// claim makes one replica alone do something, until until. A replica that dies meanwhile has done
// it or not: the next one does it again.
func (b *Bot) claim(ctx context.Context, store Store, key string, lasts time.Duration) (bool, error) {
	now := b.Now()
	return store.Dedupe(ctx, "notice "+key, now, now.Add(lasts))
}

// noticeExpiry warns once a day of a token that expires. The day's post says that it was told.
func (b *Bot) noticeExpiry(ctx context.Context, store Store, channel string) error {
	says := b.Runner.ExpiryNotice(ctx)
	if says == "" {
		return nil
	}
	day := b.Now().UTC().Format(time.DateOnly)
	told := delivery.Post{Key: "expiry:" + day, Approval: day, Kind: "expiry", Channel: channel}
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
	_, ts, err = b.postTo(ctx, channel, m)
	return ts, err
}

// mirror posts the rows of the audit log that the channel has not had yet. Where it stands is
// kept in a post, in which a row's number takes the place of a time; it is never due. Whoever
// claims the rows after one number posts them: no two replicas do, unless one of them dies, or
// Slack keeps it waiting, for a minute.
func (b *Bot) mirror(ctx context.Context, store Store, channel string) error {
	for round := 0; round < mirrorRound && ctx.Err() == nil; round++ {
		more, err := b.mirrorNext(ctx, store, channel)
		if err != nil || !more {
			return err
		}
		_ = backoff.Sleep(ctx, mirrorPause)
	}
	return nil
}

// mirrorNext posts the next rows of the first kind that has any, and reports whether more may
// follow. While they cannot be posted, those of the next kind wait.
func (b *Bot) mirrorNext(ctx context.Context, store Store, channel string) (more bool, err error) {
	var at [2]int64 // all are known before one moves on: a new one begins where the first one stands
	for i, kind := range streams {
		if at[i], err = b.mirrored(ctx, store, channel, kind); err != nil {
			return false, err
		}
	}
	for i, kind := range streams {
		rows, upTo, err := rowsAfter(ctx, store, at[i], kind)
		if err != nil {
			return false, err
		}
		if len(rows) > 0 || upTo-at[i] >= mirrorSteps {
			return b.mirrorRows(ctx, store, channel, mirrorBatch{kind, at[i], rows, upTo})
		}
	}
	return false, nil
}

// mirrored returns up to which row the log was posted. When a channel is named for the first
// time, what was before stays out of it.
func (b *Bot) mirrored(ctx context.Context, store Store, channel string, kind stream) (int64, error) {
	p, err := store.Post(ctx, kind.cursor)
	if errors.Is(err, approval.ErrNotFound) {
		var newest int64
		for row, err := range store.Rows(ctx, audit.Filter{Limit: 1}) {
			if err != nil {
				return 0, err
			}
			newest = row.Seq
		}
		if kind.cursor != mirrorCursor { // which an earlier version had for all
			if newest, err = b.mirrored(ctx, store, channel, streams[0]); err != nil {
				return 0, err
			}
		}
		if _, err := store.AddPost(ctx, mirrorPost(channel, kind, newest)); err != nil {
			return 0, err
		}
		p, err = store.Post(ctx, kind.cursor) // another replica may have been first
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(p.TS, 10, 64)
}

func mirrorPost(channel string, kind stream, at int64) delivery.Post {
	what, which, _ := strings.Cut(kind.cursor, ":")
	return delivery.Post{Key: kind.cursor, Approval: which, Kind: what, Channel: channel, TS: strconv.FormatInt(at, 10)}
}

// rowsAfter returns the first rows of a kind after one, as many as a message takes, and up to where
// it has looked for them.
func rowsAfter(ctx context.Context, store Store, at int64, kind stream) (rows []audit.Row, upTo int64, err error) {
	upTo = at
	for row, err := range store.Rows(ctx, audit.Filter{After: at}) {
		if err != nil {
			return nil, at, err
		}
		upTo = row.Seq
		if !kind.takes(row) {
			continue
		}
		if rows = append(rows, row); len(rows) == mirrorRows {
			break
		}
	}
	return rows, upTo, nil
}

// mirrorBatch are rows of the audit log that go into one message.
type mirrorBatch struct {
	stream
	at   int64 // the last row that was posted before them
	rows []audit.Row
	upTo int64 // the last row that was looked at
}

// mirrorRows posts a batch, if no other replica does or has just posted others, and notes up to
// where. Without rows it only notes that. more is set if the next may follow.
func (b *Bot) mirrorRows(ctx context.Context, store Store, channel string, batch mirrorBatch) (more bool, err error) {
	for _, claim := range []struct {
		key   string
		lasts time.Duration
	}{{mirrorCursor + " pace", mirrorPause}, {batch.cursor + " " + strconv.FormatInt(batch.at, 10), claimLasts}} {
		mine, err := b.claim(ctx, store, claim.key, claim.lasts)
		if err != nil || !mine {
			return false, err
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*sendWithin) // what is begun is also noted
	defer cancel()
	if now, err := b.mirrored(ctx, store, channel, batch.stream); err != nil || now != batch.at {
		return err == nil, err // they were posted before this replica came to claim them
	}
	if len(batch.rows) > 0 {
		message, n := mirrorMessage(batch.rows)
		if _, err := b.send(ctx, channel, message); err != nil {
			return false, fmt.Errorf("mirroring the audit log: %w", err)
		}
		if n < len(batch.rows) {
			batch.upTo = batch.rows[n-1].Seq
		}
	}
	return true, store.SavePost(ctx, mirrorPost(channel, batch.stream, batch.upTo))
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
