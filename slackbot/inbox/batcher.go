package inbox

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/vpsbot/vpsbot/internal/background"
	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/slackbot/transport"
)

// Why Add fails.
var (
	ErrNotStored = errors.New("it was not stored: vpsbot is too busy, is stopping, or has no store")
	ErrSlow      = errors.New("storing takes too long; it may still be carried out")
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
// as for one, and queues the new ones. Those for which there is no room it stores unclaimed. When ctx ends it refuses
// those that still wait.
func (i *Inbox) storeBatches(ctx context.Context) {
	inBatches(ctx, i.batches, maxBatch, func(batch []pending) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
		defer cancel()
		room := cap(i.queue) - len(i.queue)
		if i.behind.Load() {
			room = 0
		}
		fresh, err := i.store(ctx, batch, room)
		for n, p := range batch {
			if err == nil && fresh[n] && n < room {
				i.Queue(p.delivery)
			}
			p.stored <- err
		}
		if len(batch) > room {
			i.behind.Store(true)
			background.Wake(i.wakeup) // to claim the rest
		}
	})
	for _, p := range drain(i.batches, cap(i.batches)) {
		p.stored <- ErrNotStored
	}
}

// store stores a batch of deliveries: as many as there is room for are claimed by this process, the others by none.
// fresh reports which were not stored before.
func (i *Inbox) store(ctx context.Context, batch []pending, room int) (fresh []bool, err error) {
	store, err := i.Store(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotStored, err)
	}
	now := i.Now()
	rows := make([]delivery.Delivery, len(batch))
	for n, p := range batch {
		d := p.delivery
		rows[n] = delivery.Delivery{
			ID: d.ID, Kind: string(d.Kind), Body: i.Sealer.Seal(d.ID, d.Body), ReceivedAt: now, Until: now.Add(rememberFor), Unclaimed: n >= room,
		}
	}
	return store.Enqueue(ctx, now, rows)
}

// inBatches calls do with the values that have come by a channel, up to a number at once, until ctx ends.
func inBatches[T any](ctx context.Context, from <-chan T, most int, do func([]T)) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case first := <-from:
			runtime.Gosched()
			do(append([]T{first}, drain(from, most-1)...))
		}
	}
}

// drain receives the values that a channel holds now, up to a number.
func drain[T any](from <-chan T, most int) (all []T) {
	for len(all) < most {
		select {
		case one := <-from:
			all = append(all, one)
		default:
			return all
		}
	}
	return all
}
