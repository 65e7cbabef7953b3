package approval

import (
	"context"
	"time"
)

// Posts keeps which message shows which record, and when it must be looked at again.
type Posts interface {
	// AddPost stores a post, with no lease. One of the same Key stays as it is, and first is false.
	AddPost(ctx context.Context, p Post) (first bool, err error)
	// ReplacePost stores a post whatever was there of its key, and ends its lease: who had it
	// cannot save it any more.
	ReplacePost(ctx context.Context, p Post) error
	// SavePost replaces all of a post but Key, Approval and Kind, and ends its lease. What MarkDue
	// did to it during the lease counts: Next is no later than that. A post that is not there, or
	// was replaced since it was read, is ErrNotFound.
	SavePost(ctx context.Context, p Post) error
	// Post returns one post, or ErrNotFound.
	Post(ctx context.Context, key string) (Post, error)
	// DuePosts hands out up to n posts whose Next is at or before now and that nobody else has,
	// those due longest first, leased to owner for a minute.
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

	User    string // whom it is for
	Channel string
	TS      string // which message it is in Channel; empty: not posted yet, or lost
	Thread  string // the message it stands under; empty: none

	URL      []byte // a sealed response_url, by which alone an ephemeral message is rewritten; nil: none
	URLUntil time.Time
	URLUses  int

	Shown string // what it shows now, so that nothing is sent twice
	Fails int
	Next  time.Time // when to look at it again; zero: never

	Version int64 // how often it was replaced, as the store counts
}
