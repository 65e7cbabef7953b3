// Package delivery holds the types and the store interfaces for what Slack sent and vpsbot
// acknowledged (the inbox), and for the messages in Slack that show a record (the posts).
// The workers are in slackbot/inbox and slackbot/messages.
package delivery

import (
	"context"
	"time"
)

// Inbox keeps each acknowledged delivery until it is done, because Slack does not send it again.
type Inbox interface {
	// Enqueue stores deliveries in one transaction, before the other writes that wait, claimed by this
	// process unless they say Unclaimed. One whose ID is
	// remembered, or came before in ds, is not stored; fresh[i] reports whether ds[i] was.
	Enqueue(ctx context.Context, now time.Time, ds []Delivery) (fresh []bool, err error)
	// ClaimExpired claims up to n unfinished deliveries and returns them, oldest first: those that nobody has
	// claimed, whose holder is gone, or that this process claimed more than a minute ago. It abandons none:
	// the caller decides by Tries.
	ClaimExpired(ctx context.Context, now time.Time, n int) ([]Delivery, error)
	// Ack deletes the bodies of deliveries that are done; their IDs stay remembered until
	// their Until. An unknown id, or one acknowledged before, is no error.
	Ack(ctx context.Context, ids []string) error
}

// Delivery is one request of Slack's that vpsbot acknowledged: a command, an interaction or an event.
type Delivery struct {
	ID         string // Slack's, or made from the signature: the idempotency key, equal for every repetition
	Kind       string
	Body       []byte // opaque to the store
	ReceivedAt time.Time
	Until      time.Time // the ID is remembered until then, and longer while the delivery is unfinished
	Tries      int       // how many times it was claimed, by Enqueue included
	Unclaimed  bool      // for Enqueue: any process may claim it at once
}

// Deduper recognises repetitions over all processes that share the store.
type Deduper interface {
	// Dedupe reports whether this is the first call with the key. The key is forgotten at until.
	Dedupe(ctx context.Context, key string, now, until time.Time) (first bool, err error)
}

// Posts keeps which message in Slack shows which record, and when it is reconciled next. A post
// that does not exist is approval.ErrNotFound.
type Posts interface {
	// AddPost stores a post that no process has claimed. An existing post with the same Key stays as it is,
	// and first is false.
	AddPost(ctx context.Context, p Post) (first bool, err error)
	// ReplacePost stores a post over any other with the same Key and ends its claim: the former
	// holder's SavePost fails.
	ReplacePost(ctx context.Context, p Post) error
	// SavePost replaces all of a post but Key, Approval and Kind, and ends its claim. MarkDue
	// during the claim counts: Next is no later than its time. A post that does not exist, or
	// was replaced since it was read, is approval.ErrNotFound.
	SavePost(ctx context.Context, p Post) error
	// Post returns one post.
	Post(ctx context.Context, key string) (Post, error)
	// DuePosts claims up to n posts whose Next is at or before now and returns them, the longest
	// overdue first. What this process claimed is claimed again after a minute, what another claimed
	// only once that one is gone.
	DuePosts(ctx context.Context, now time.Time, n int) ([]Post, error)
	// MarkDue makes every post of an approval due at at, where it was due later or never. Claims
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
