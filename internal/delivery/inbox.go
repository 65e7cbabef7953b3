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
	// Enqueue stores deliveries in one transaction, leased to owner for a minute. One whose ID
	// is remembered, or came before in ds, is not stored; fresh[i] reports whether ds[i] was.
	Enqueue(ctx context.Context, owner string, now time.Time, ds []Delivery) (fresh []bool, err error)
	// ClaimExpired leases up to n unfinished deliveries whose lease has expired to owner for a
	// minute and returns them, oldest first. It abandons none: the caller decides by Tries.
	ClaimExpired(ctx context.Context, owner string, now time.Time, n int) ([]Delivery, error)
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
	Tries      int       // how many times it was leased, the lease of Enqueue included
}

// Deduper recognises repetitions over all processes that share the store.
type Deduper interface {
	// Dedupe reports whether this is the first call with the key. The key is forgotten at until.
	Dedupe(ctx context.Context, key string, now, until time.Time) (first bool, err error)
}
