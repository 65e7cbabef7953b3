// Package inbox makes each of Slack's deliveries durable before it is acknowledged, and carries it
// out once, on this process or on another: Slack does not send it again.
package inbox

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/background"
	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/internal/seal"
	"github.com/vpsbot/vpsbot/slackbot/transport"
)

// Options configure an inbox. All fields are needed.
type Options struct {
	Store  func(context.Context) (delivery.Inbox, error)
	Sealer *seal.Sealer
	Now    func() time.Time
	Log    *slog.Logger
	Every  time.Duration // interval of claiming deliveries

	Ready   <-chan struct{}                                       // closed once deliveries may be carried out
	Carry   func(ctx context.Context, d transport.Delivery) error // carries a delivery out
	Expired func(ctx context.Context, d transport.Delivery) error // replies that it was not carried out in time
}

// Inbox stores, queues and carries out deliveries. Make one with New; Add works while Run does.
type Inbox struct {
	Options
	batches chan pending
	queue   chan transport.Delivery
	done    chan string   // ids to acknowledge to the store
	slots   chan struct{} // one for each delivery under way
	held    sync.Map      // ids of the deliveries that are queued or under way on this process
	workers *background.Group
}

const (
	maxWorkers  = 256  // deliveries under way at once
	maxQueue    = 4096 // deliveries that wait in memory; more wait in the store alone
	maxBatch    = 64
	rememberFor = 11 * time.Minute // a signature counts for ten, five either way
	expireAfter = 15 * time.Minute // its sender may not want an older delivery carried out
	ackWithin   = 2 * time.Second
)

// New makes an inbox.
func New(o Options) *Inbox {
	return &Inbox{
		Options: o, batches: make(chan pending, 1024), queue: make(chan transport.Delivery, maxQueue),
		done: make(chan string, maxQueue), slots: make(chan struct{}, maxWorkers), workers: background.NewGroup(),
	}
}

// Run stores and carries out deliveries until ctx ends. It returns once those under way have ended,
// or were left to the store.
func (i *Inbox) Run(ctx context.Context) {
	var intake, acks sync.WaitGroup
	acking, stopAcks := context.WithCancel(context.WithoutCancel(ctx))
	acks.Go(func() {
		inBatches(acking, i.done, maxQueue, func(ids []string) { i.ack(acking, ids) })
		i.ack(acking, drain(i.done, maxQueue))
	})
	intake.Go(func() { i.storeBatches(ctx) })
	intake.Go(func() {
		select {
		case <-ctx.Done():
		case <-i.Ready:
			intake.Go(func() { i.work(ctx) })
			background.Loop{Interval: i.Every, Log: i.Log, Message: "Slack: claiming deliveries that another process left"}.Run(ctx, i.claimExpired)
		}
	})
	intake.Wait()
	i.workers.Stop()
	stopAcks()
	acks.Wait()
}

// Queue hands a delivery to the workers, once. If the queue is full it stays in the store and is
// claimed from there a minute later.
func (i *Inbox) Queue(d transport.Delivery) {
	if _, held := i.held.LoadOrStore(d.ID, true); held {
		return
	}
	select {
	case i.queue <- d:
	default:
		i.held.Delete(d.ID)
	}
}

// work carries out queued deliveries until ctx ends. Those still queued then stay in the store.
func (i *Inbox) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case i.slots <- struct{}{}:
		}
		select {
		case <-ctx.Done():
			return
		case d := <-i.queue:
			if ctx.Err() != nil {
				return
			}
			i.workers.Go(func(ctx context.Context) { i.carryOut(ctx, d) })
		}
	}
}

// carryOut carries a delivery out. An interrupted one stays in the store for the next process.
func (i *Inbox) carryOut(ctx context.Context, d transport.Delivery) {
	defer func() { <-i.slots }()
	err := background.Safely(ctx, func(ctx context.Context) error { return i.Carry(ctx, d) })
	if err != nil {
		i.Log.Error("Slack: carrying out a delivery", "kind", d.Kind, "error", err)
	}
	if ctx.Err() != nil {
		i.held.Delete(d.ID)
		return
	}
	i.done <- d.ID
}

// claimExpired claims deliveries whose process has ended, or had no room in its queue.
func (i *Inbox) claimExpired(ctx context.Context) error {
	room := min(maxBatch, cap(i.queue)-len(i.queue))
	if room == 0 {
		return nil
	}
	store, err := i.Store(ctx)
	if err != nil {
		return err
	}
	claimed, err := store.ClaimExpired(ctx, i.Now(), room)
	for _, row := range claimed {
		if _, held := i.held.Load(row.ID); !held {
			i.resume(row)
		}
	}
	return err
}

// resume queues a claimed delivery, unless it is so old that its sender may not want it any more.
func (i *Inbox) resume(row delivery.Delivery) {
	body, err := i.Sealer.Open(row.ID, row.Body)
	d := transport.Delivery{ID: row.ID, Kind: transport.Kind(row.Kind), Body: body}
	isLate := i.Now().Sub(row.ReceivedAt) > expireAfter
	switch {
	case err == nil && !isLate:
		i.Queue(d)
	case err == nil:
		i.Log.Warn("Slack: a delivery is given up, because it is too old", "kind", d.Kind)
		i.workers.Go(func(ctx context.Context) {
			if err := background.Safely(ctx, func(ctx context.Context) error { return i.Expired(ctx, d) }); err != nil {
				i.Log.Warn("Slack: telling that a delivery is given up", "error", err)
			}
			i.done <- d.ID
		})
	case isLate: // until then another process may have the token that it was sealed with
		i.Log.Error("Slack: a delivery is given up, because it cannot be opened", "kind", row.Kind, "error", err)
		i.done <- row.ID
	}
}

// ack deletes deliveries' bodies from the store. After an error they are carried out once more: a change
// is recognised by its request id.
func (i *Inbox) ack(ctx context.Context, ids []string) {
	if len(ids) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ackWithin)
	defer cancel()
	store, err := i.Store(ctx)
	if err == nil {
		err = store.Ack(ctx, ids)
	}
	if err != nil {
		i.Log.Warn("Slack: acknowledging deliveries to the store", "error", err)
	}
	for _, id := range ids {
		i.held.Delete(id)
	}
}
