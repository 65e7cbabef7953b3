package approval

import (
	"context"
	"encoding/json"
	"time"

	"github.com/vpsbot/vpsbot/internal/audit"
)

// Outbox keeps what is to be said elsewhere until it has been said. A message is sent at
// least once: a process may die between sending it and saying so.
type Outbox interface {
	// MoveAndSend is [Store.Move], and stores messages in the same transaction: they are there
	// if the record moved, and are not if it did not.
	MoveAndSend(ctx context.Context, m Move, row audit.Row, out ...Message) (Record, error)
	// Enqueue stores a message that belongs to no move. One whose ID is there already is not
	// stored again.
	Enqueue(ctx context.Context, m Message) error
	// Take hands out up to n messages, oldest first, to one process for a minute: until then no
	// other gets them, nor later ones of their topics.
	Take(ctx context.Context, owner string, now time.Time, n int) ([]Message, error)
	// Sent forgets a message. An id that is not there is no error.
	Sent(ctx context.Context, id string) error
}

// Message is something to be said elsewhere.
type Message struct {
	ID        string
	Topic     string // messages of one topic leave in their order, through one process at a time; empty: in any order
	Body      json.RawMessage
	CreatedAt time.Time
	Tries     int // how often it was taken, this time included
}

// Deliveries tells the first delivery of something from its repetitions, over all processes.
type Deliveries interface {
	// Once reports whether this is the first call with the key. The key is forgotten at until.
	Once(ctx context.Context, key string, now, until time.Time) (first bool, err error)
}
