package inbox

import (
	"context"
	"time"

	"github.com/vpsbot/vpsbot/slackbot/transport"
)

// pending is a delivery whose sender waits for it to be stored.
type pending struct {
	delivery transport.Delivery
	stored   chan<- error
}

// storeWithin bounds the storing of one batch: Add gives up before.
const storeWithin = 5 * time.Second

// Add returns once the delivery is stored, now or before. It fails with ErrNotStored, ErrSlow or the
// store's error.
func (i *Inbox) Add(ctx context.Context, d transport.Delivery) error {
	stored := make(chan error, 1)
	select {
	case <-ctx.Done():
		return ErrNotStored
	case i.batches <- pending{d, stored}:
	}
	select {
	case <-ctx.Done():
		return ErrSlow
	case err := <-stored:
		return err
	}
}

// storeBatches stores deliveries that arrive at the same time in one transaction, which costs as much
// as for one, and queues the new ones. When ctx ends it refuses those that still wait.
func (i *Inbox) storeBatches(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case first := <-i.batches:
			i.storeBatch(ctx, i.fillBatch(first))
		}
	}
	for _, p := range drain(i.batches) {
		p.stored <- ErrNotStored
	}
}

// fillBatch adds the deliveries that have arrived since the first.
func (i *Inbox) fillBatch(first pending) []pending {
	batch := []pending{first}
	for len(batch) < maxBatch {
		select {
		case next := <-i.batches:
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

func (i *Inbox) storeBatch(ctx context.Context, batch []pending) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
	defer cancel()
	fresh, err := i.store(ctx, batch)
	for n, p := range batch {
		if err == nil && fresh[n] {
			i.Queue(p.delivery)
		}
		p.stored <- err
	}
}
