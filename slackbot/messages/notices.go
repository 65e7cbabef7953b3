package messages

import (
	"cmp"
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
	"github.com/vpsbot/vpsbot/internal/background"
	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
)

const (
	claimFor       = time.Minute      // one replica has a batch to itself
	noticeWithin   = 20 * time.Second // sending a message and noting it; less than claimFor
	expiryAgain    = 10 * time.Minute // after a notice that may not have arrived
	mirrorPause    = time.Second      // between two messages to one channel
	maxMirrorRows  = 10               // in a message
	maxMirrorBytes = 12_000           // of a message's blocks, which are more than its characters
	maxMirrorRound = 30               // messages, before anything else has its turn
	maxMirrorSkip  = 100              // rows of the other stream, before a cursor moves on without a message
)

// Notices posts to the channels of the policy, without a request: a warning before the token expires, and the
// rows of the audit log.
type Notices struct{ Options }

// Run posts at each interval until ctx ends.
func (n Notices) Run(ctx context.Context) {
	background.Loop{Interval: 5 * n.Every, Log: n.Log, Message: "Slack: posting notices"}.Run(ctx, n.round)
}

func (n Notices) round(ctx context.Context) error {
	book := n.Runner.Policy().Book
	if book == nil || !n.API.IsIdentified() {
		return nil
	}
	store, err := n.Store(ctx)
	if err != nil {
		return err
	}
	if channel := cmp.Or(book.Slack.Approvals, book.Slack.Audit); channel != "" {
		err = n.warnOfExpiry(ctx, store, channel)
	}
	if book.Slack.Audit != "" {
		err = errors.Join(err, mirror{n, store, book.Slack.Audit}.round(ctx))
	}
	return err
}

// claim reserves a notice for this replica for a time. If the replica dies meanwhile, the next one sends
// the notice again.
func (n Notices) claim(ctx context.Context, store Store, key string, lasts time.Duration) (bool, error) {
	now := n.Now()
	return store.Dedupe(ctx, "notice "+key, now, now.Add(lasts))
}

// warnOfExpiry warns once a day that the token expires. The post of the day notes that it was sent.
func (n Notices) warnOfExpiry(ctx context.Context, store Store, channel string) error {
	warning := n.Runner.ExpiryNotice(ctx)
	if warning == "" {
		return nil
	}
	day := n.Now().UTC().Format(time.DateOnly)
	sent := delivery.Post{Key: "expiry:" + day, Approval: day, Kind: "expiry", Channel: channel}
	if _, err := store.Post(ctx, sent.Key); !errors.Is(err, approval.ErrNotFound) {
		return err
	}
	claimed, err := n.claim(ctx, store, sent.Key, expiryAgain)
	if err != nil || !claimed {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noticeWithin) // a notice that was sent is also noted
	defer cancel()
	if _, sent.TS, err = n.API.Post(ctx, channel, "", blocks.Expiry(warning)); err != nil {
		return fmt.Errorf("warning of a token that expires: %w", err)
	}
	_, err = store.AddPost(ctx, sent)
	return err
}

// mirror posts the audit log to a channel. The post of each stream is its cursor: a row's number takes
// the place of its TS, and it is never due. The replica that claims the rows after a number posts them:
// two do only if one dies, or Slack keeps it waiting for a minute.
type mirror struct {
	Notices
	store   Store
	channel string
}

// stream is a kind of rows that is mirrored in order. Changes come first: many refusals or reads must
// not hide one.
type stream struct {
	cursor  string
	changes bool // it has the changes, else the refusals and the reads
}

const mirrorCursor = "mirror:audit"

var streams = [2]stream{
	{mirrorCursor, true},
	{"mirror:rest", false},
}

// isChange reports whether a row is neither a refusal nor a read.
func (n Notices) isChange(row audit.Row) bool {
	op, known := n.Runner.Catalogue.Lookup(row.Operation)
	return row.Decision != audit.Refused && (!known || op.Risk != permissions.Read)
}

// StartMirror stores the end of the audit log as the cursors before anything is carried out, so that the
// channel gets every row from here on.
func (n Notices) StartMirror(ctx context.Context) {
	book := n.Runner.Policy().Book
	if book == nil || book.Slack.Audit == "" {
		return
	}
	store, err := n.Store(ctx)
	if err == nil {
		_, err = mirror{n, store, book.Slack.Audit}.cursors(ctx)
	}
	if err != nil {
		n.Log.Warn("Slack: noting where the audit log stands", "error", err)
	}
}

// round posts the rows that the channel has not had yet, as many as one round may.
func (m mirror) round(ctx context.Context) error {
	for i := 0; i < maxMirrorRound && ctx.Err() == nil; i++ {
		more, err := m.postNext(ctx)
		if err != nil || !more {
			return err
		}
		_ = backoff.Sleep(ctx, mirrorPause)
	}
	return nil
}

// postNext posts the next rows of the first stream that has any, and reports whether more may follow.
// While they cannot be posted, those of the next stream wait.
func (m mirror) postNext(ctx context.Context) (more bool, err error) {
	at, err := m.cursors(ctx)
	if err != nil {
		return false, err
	}
	for i, s := range streams {
		batch := mirrorBatch{stream: s, after: at[i], upTo: at[i]}
		for row, err := range m.store.Rows(ctx, audit.Filter{After: batch.after}) {
			if err != nil {
				return false, err
			}
			batch.upTo = row.Seq
			if m.isChange(row) == s.changes {
				batch.rows = append(batch.rows, row)
			}
			if len(batch.rows) == maxMirrorRows {
				break
			}
		}
		if len(batch.rows) > 0 || batch.upTo-batch.after >= maxMirrorSkip {
			return m.post(ctx, batch)
		}
	}
	return false, nil
}

// cursors returns up to which row each stream was posted. When a channel is named for the first time,
// the rows before are not posted to it.
func (m mirror) cursors(ctx context.Context) (at [len(streams)]int64, err error) {
	newest := int64(0)
	for row, err := range m.store.Rows(ctx, audit.Filter{Limit: 1}) {
		if err != nil {
			return at, err
		}
		newest = row.Seq
	}
	for i, s := range streams {
		at[i], err = m.cursor(ctx, s)
		if errors.Is(err, approval.ErrNotFound) {
			if _, err := m.store.AddPost(ctx, m.cursorPost(s, newest)); err != nil {
				return at, err
			}
			at[i], err = m.cursor(ctx, s) // another replica may have been first
		}
		if err != nil {
			return at, err
		}
	}
	return at, nil
}

func (m mirror) cursor(ctx context.Context, s stream) (int64, error) {
	p, err := m.store.Post(ctx, s.cursor)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(p.TS, 10, 64)
}

func (m mirror) cursorPost(s stream, at int64) delivery.Post {
	kind, which, _ := strings.Cut(s.cursor, ":")
	return delivery.Post{Key: s.cursor, Approval: which, Kind: kind, Channel: m.channel, TS: strconv.FormatInt(at, 10)}
}

// mirrorBatch is the rows of a stream that go into one message.
type mirrorBatch struct {
	stream
	after int64 // the last row that was posted before them
	rows  []audit.Row
	upTo  int64 // the last row that was read
}

// post posts a batch, if no other replica does or has just posted another, and moves the cursor. Without
// rows it only moves the cursor. more reports whether the next batch may follow.
func (m mirror) post(ctx context.Context, batch mirrorBatch) (more bool, err error) {
	claimed, err := m.claim(ctx, m.store, mirrorCursor+" pace", mirrorPause)
	if err == nil && claimed {
		claimed, err = m.claim(ctx, m.store, batch.cursor+" "+strconv.FormatInt(batch.after, 10), claimFor)
	}
	if err != nil || !claimed {
		return false, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noticeWithin) // a batch that was posted is also noted
	defer cancel()
	if now, err := m.cursor(ctx, batch.stream); err != nil || now != batch.after {
		return err == nil, err // they were posted before this replica claimed them
	}
	if len(batch.rows) > 0 {
		message, n := mirrorMessage(batch.rows)
		if _, _, err := m.API.Post(ctx, m.channel, "", message); err != nil {
			return false, fmt.Errorf("mirroring the audit log: %w", err)
		}
		if n < len(batch.rows) {
			batch.upTo = batch.rows[n-1].Seq
		}
	}
	return true, m.store.SavePost(ctx, m.cursorPost(batch.stream, batch.upTo))
}

// mirrorMessage puts rows into one message, and returns how many it took: at least one.
func mirrorMessage(rows []audit.Row) (blocks.Message, int) {
	whole := blocks.Mirror(rows[0])
	n := 1
	for ; n < len(rows); n++ {
		next := slices.Concat(whole.Blocks, blocks.Mirror(rows[n]).Blocks)
		if raw, err := json.Marshal(next); err != nil || len(raw) > maxMirrorBytes {
			break
		}
		whole.Blocks = next
	}
	if n > 1 {
		whole.Text = fmt.Sprintf("%d rows of the audit log", n)
	}
	return whole, n
}
