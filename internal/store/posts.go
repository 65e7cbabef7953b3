package store

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/delivery"
)

var posts = queue[delivery.Post]{
	table: "posts", key: "key", columns: postColumns, fields: postFields,
	open:  "next > 0",
	due:   func(p *params, now time.Time) string { return "next > 0 AND next <= " + p.add(millis(now)) },
	order: "next, key",
	also:  "marked = 0",
}

// AddPost implements [delivery.Posts].
func (s *Store) AddPost(ctx context.Context, p delivery.Post) (first bool, err error) {
	return addPost(ctx, s, p, "DO NOTHING")
}

// replacing overwrites a post and increments its version, so that SavePost of the one before fails.
const replacing = `DO UPDATE SET for_user = excluded.for_user, channel = excluded.channel, ts = excluded.ts, thread = excluded.thread,
	url = excluded.url, url_until = excluded.url_until, url_uses = excluded.url_uses, shown = excluded.shown, fails = excluded.fails,
	next = excluded.next, version = posts.version + 1,
	marked = excluded.marked, owner = excluded.owner, leased_until = excluded.leased_until`

// ReplacePost implements [delivery.Posts].
func (s *Store) ReplacePost(ctx context.Context, p delivery.Post) error {
	_, err := addPost(ctx, s, p, replacing)
	return err
}

// addPost inserts a post; conflict is the action for one that exists.
func addPost(ctx context.Context, s *Store, p delivery.Post, conflict string) (stored bool, err error) {
	if p.Approval == "" || p.Key != p.Kind+":"+p.Approval {
		return false, errors.New("store: the key of a post is its kind and its approval, with a colon between")
	}
	p.Version = 0
	var values params
	query := "INSERT INTO posts (" + postColumns + ", marked, owner, leased_until) VALUES (" + addAll(&values, postFields(&p)) +
		", 0, '', 0) ON CONFLICT (key) " + conflict
	return s.change(ctx, query, values.values...)
}

// SavePost implements [delivery.Posts].
func (s *Store) SavePost(ctx context.Context, p delivery.Post) error {
	query, args := savePostQuery(p)
	saved, err := s.change(ctx, query, args...)
	if err == nil && !saved {
		err = approval.ErrNotFound
	}
	return err
}

// savePostQuery has what was marked meanwhile go before a later Next: the process that saves it has read
// the record before that.
func savePostQuery(p delivery.Post) (query string, args []any) {
	var values params
	shown := addAll(&values, postShownFields(&p))
	next := "CASE WHEN marked > 0 AND marked < " + values.add(dueAt(p)) + " THEN marked ELSE " + values.add(millis(p.Next)) + " END"
	return "UPDATE posts SET (" + postShownColumns + ") = (" + shown + "), next = " + next + ", marked = 0, owner = '', leased_until = 0" +
		" WHERE key = " + values.add(p.Key) + " AND version = " + values.add(p.Version), values.values
}

// dueAt is Next in milliseconds, and the end of time for never.
func dueAt(p delivery.Post) int64 {
	if p.Next.IsZero() {
		return math.MaxInt64
	}
	return p.Next.UnixMilli()
}

// Post implements [delivery.Posts].
func (s *Store) Post(ctx context.Context, key string) (delivery.Post, error) {
	return readOne(ctx, s, postFields, "SELECT "+postColumns+" FROM posts WHERE key = $1", key)
}

// DuePosts implements [delivery.Posts].
func (s *Store) DuePosts(ctx context.Context, now time.Time, n int) ([]delivery.Post, error) {
	due, err := posts.claim(ctx, s, now, n)
	slices.SortFunc(due, func(a, b delivery.Post) int {
		return cmp.Or(a.Next.Compare(b.Next), strings.Compare(a.Key, b.Key))
	})
	return due, err
}

// MarkDue implements [delivery.Posts].
func (s *Store) MarkDue(ctx context.Context, id string, at time.Time) error {
	if at.IsZero() {
		return errors.New("store: due at no time")
	}
	query, args := markDueQuery(id, at)
	_, err := s.change(ctx, query, args...)
	return err
}

// markDueQuery sets marked too while a post is claimed, because SavePost overwrites next.
func markDueQuery(id string, at time.Time) (query string, args []any) {
	var p params
	next := "next = CASE WHEN next = 0 OR next > " + p.add(millis(at)) + " THEN " + p.add(millis(at)) + " ELSE next END"
	marked := "marked = CASE WHEN leased_until = 0 THEN 0 WHEN marked = 0 OR marked > " + p.add(millis(at)) + " THEN " + p.add(millis(at)) + " ELSE marked END"
	return "UPDATE posts SET " + next + ", " + marked + " WHERE approval = " + p.add(id), p.values
}
