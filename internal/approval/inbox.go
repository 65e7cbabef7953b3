package approval

import (
	"context"
	"time"
)

// Inbox keeps what was acknowledged until it is done: whoever sent it will not send it again.
type Inbox interface {
	// Enqueue stores deliveries in one transaction, leased to owner for a minute. One whose ID
	// is remembered, or came before in ds, is not stored; fresh[i] tells whether ds[i] was.
	Enqueue(ctx context.Context, owner string, now time.Time, ds []Delivery) (fresh []bool, err error)
	// ClaimExpired hands out up to n unfinished deliveries whose lease is over, oldest first, leased
	// to owner for a minute. It gives up none: Tries tells the caller when to.
	ClaimExpired(ctx context.Context, owner string, now time.Time, n int) ([]Delivery, error)
	// Ack forgets the bodies of deliveries that are done; their IDs stay remembered until
	// their Until. An id that is not there, or was finished before, is no error.
	Ack(ctx context.Context, ids []string) error
}

// Delivery is one thing that was sent to the bot and acknowledged.
type Delivery struct {
	ID         string // the sender's, or made from its signature: the same for every repetition
	Kind       string
	Body       []byte // opaque to the store
	ReceivedAt time.Time
	Until      time.Time // the ID is remembered until then, and longer while it is unfinished
	Tries      int       // how often it was handed out, Enqueue's own time included
}

// Deliveries tells the first delivery of something from its repetitions, over all processes.
type Deliveries interface {
	// Dedupe reports whether this is the first call with the key. The key is forgotten at until.
	Dedupe(ctx context.Context, key string, now, until time.Time) (first bool, err error)
}
