package delivery

import (
	"context"
	"time"
)

// Posts keeps which message in Slack shows which record, and when it is reconciled next. A post
// that does not exist is approval.ErrNotFound.
type Posts interface {
	// AddPost stores a post without a lease. An existing post with the same Key stays as it is,
	// and first is false.
	AddPost(ctx context.Context, p Post) (first bool, err error)
	// ReplacePost stores a post over any other with the same Key and ends its lease: the former
	// lease holder's SavePost fails.
	ReplacePost(ctx context.Context, p Post) error
	// SavePost replaces all of a post but Key, Approval and Kind, and ends its lease. MarkDue
	// during the lease counts: Next is no later than its time. A post that does not exist, or
	// was replaced since it was read, is approval.ErrNotFound.
	SavePost(ctx context.Context, p Post) error
	// Post returns one post.
	Post(ctx context.Context, key string) (Post, error)
	// DuePosts leases up to n posts to owner for a minute and returns them, the longest overdue
	// first: those whose Next is at or before now and that no other process has leased.
	DuePosts(ctx context.Context, owner string, now time.Time, n int) ([]Post, error)
	// MarkDue makes every post of an approval due at at, where it was due later or never. Leases
	// stay as they are.
	MarkDue(ctx context.Context, approval string, at time.Time) error
}

// Post is one message that shows a record.
type Post struct {
	Key      string // Kind + ":" + Approval
	Approval string
	Kind     string

	User    string // the person it is for
	Channel string
	TS      string // identifies the message in Channel; empty: not posted yet, or lost
	Thread  string // TS of the message whose thread it is in; empty: none

	URL      []byte // a sealed response_url, the only way to rewrite an ephemeral message; nil: none
	URLUntil time.Time
	URLUses  int

	Shown string // hash of what it shows now, so that the same is not sent twice
	Fails int
	Next  time.Time // when it is reconciled next; zero: never

	Version int64 // how often it was replaced, counted by the store
}
