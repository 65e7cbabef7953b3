// Package inbox makes each of Slack's deliveries durable before it is acknowledged, and carries it
// out once, on this process or on another: Slack does not send it again.
package inbox

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vpsbot/vpsbot/internal/background"
	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/internal/seal"
	"github.com/vpsbot/vpsbot/slackbot/transport"
)

// Options configure an inbox. All fields but Pulse are needed.
type Options struct {
	Store  func(context.Context) (delivery.Inbox, error)
	Sealer *seal.Sealer
	Now    func() time.Time
	Log    *slog.Logger
	Every  time.Duration     // interval of claiming deliveries
	Pulse  *background.Pulse // watches the claiming

	Ready   <-chan struct{}                                       // closed once deliveries may be carried out
	Carry   func(ctx context.Context, d transport.Delivery) error // carries a delivery out
	Expired func(ctx context.Context, d transport.Delivery) error // replies that it was not carried out in time
}

// task is a delivery that waits for a worker, and what is to be done with it.
type task struct {
	transport.Delivery
	do func(context.Context, transport.Delivery) error
}

// Inbox stores, queues and carries out deliveries. Make one with New; Add works while Run does.
type Inbox struct {
	Options
	batches chan pending
	queue   chan task     // what was stored just now
	left    chan task     // what was claimed from the store
	done    chan string   // ids to acknowledge to the store
	slots   chan struct{} // one for each delivery under way
	held    sync.Map      // ids of the deliveries that are queued or under way on this process
	behind  atomic.Bool   // the store has deliveries that no process has claimed: new ones join them, to keep the order
	wakeup  chan struct{} // starts a claim of them
	workers *background.Group
}

const (
	maxWorkers  = 256 // deliveries under way at once
	maxQueue    = 256 // deliveries that wait in memory; more wait in the store, for the first process that has room
	maxBatch    = 512 // deliveries stored at once
	maxClaim    = 64  // deliveries claimed at once
	maxAcks     = 4096
	rememberFor = 11 * time.Minute // a signature counts for ten, five either way
	expireAfter = 15 * time.Minute // its sender may not want an older delivery carried out
	ackWithin   = 2 * time.Second
)

// New makes an inbox.
func New(o Options) *Inbox {
	return &Inbox{
		Options: o, batches: make(chan pending, 1024), queue: make(chan task, maxQueue), left: make(chan task),
		done: make(chan string, maxAcks), slots: make(chan struct{}, maxWorkers), wakeup: make(chan struct{}, 1),
		workers: background.NewGroup(),
	}
}

// Run stores and carries out deliveries until ctx ends. It returns once those under way have ended,
// or were left to the store.
func (i *Inbox) Run(ctx context.Context) {
	var intake, acks sync.WaitGroup
	acking, stopAcks := context.WithCancel(context.WithoutCancel(ctx))
	acks.Go(func() {
		inBatches(acking, i.done, maxAcks, func(ids []string) { i.ack(acking, ids) })
		i.ack(acking, drain(i.done, maxAcks))
	})
	intake.Go(func() { i.storeBatches(ctx) })
	intake.Go(func() {
		select {
		case <-ctx.Done():
		case <-i.Ready:
			intake.Go(func() { i.work(ctx) })
			background.Loop{Interval: i.Every, Wake: i.wakeup, Log: i.Log, Message: "Slack: claiming deliveries from the store", Pulse: i.Pulse}.Run(ctx, i.claimLeft)
		}
	})
	intake.Wait()
	i.workers.Stop()
	stopAcks()
	acks.Wait()
}

// Queue hands a delivery to the workers, once, and reports whether they have it. If the queue is full it stays in
// the store, if it is there, and is claimed from there a minute later.
func (i *Inbox) Queue(d transport.Delivery) bool {
	if _, held := i.held.LoadOrStore(d.ID, true); held {
		return true
	}
	select {
	case i.queue <- task{d, i.Carry}:
		return true
	default:
		i.held.Delete(d.ID)
		return false
	}
}

// work carries out queued deliveries until ctx ends. Those still queued then stay in the store.
//
// Acknowledgements come before work, which has what they leave of the processors: before it begins a delivery, and
// before a batch is closed, the goroutine goes to the end of the queue of all that can run. So what has arrived
// reaches the batch first, and the fuller the batches are the less their transactions cost. While the
// processors are not busy, and while those under way wait for VPS.org, nothing is delayed.
func (i *Inbox) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case i.slots <- struct{}{}:
		}
		var t task
		select {
		case <-ctx.Done():
			return
		case t = <-i.queue:
		case t = <-i.left:
		}
		if ctx.Err() != nil {
			return
		}
		runtime.Gosched()
		i.workers.Go(func(ctx context.Context) { i.carryOut(ctx, t) })
	}
}

// carryOut carries a delivery out. An interrupted one stays in the store for the next process.
func (i *Inbox) carryOut(ctx context.Context, t task) {
	defer func() { <-i.slots }()
	err := background.Safely(ctx, func(ctx context.Context) error { return t.do(ctx, t.Delivery) })
	if err != nil {
		i.Log.Error("Slack: carrying out a delivery", "kind", t.Kind, "error", err)
	}
	if ctx.Err() != nil {
		i.held.Delete(t.ID)
		return
	}
	i.done <- t.ID
}

// claimLeft claims deliveries from the store until it has none that are free: those that found no room in a queue,
// and those whose process has ended. It claims a few at a time, once the few before have workers, and so leaves
// to other processes what this one cannot carry out yet.
func (i *Inbox) claimLeft(ctx context.Context) error {
	store, err := i.Store(ctx)
	for more := true; more && err == nil && ctx.Err() == nil; {
		var claimed []delivery.Delivery
		claimed, err = store.ClaimExpired(ctx, i.Now(), maxClaim)
		more = len(claimed) == maxClaim
		i.behind.Store(more)
		for _, row := range claimed {
			i.resume(ctx, row)
		}
	}
	return err
}

// resume hands a claimed delivery to the next worker. One that is so old that its sender may not want it any
// more is not carried out: its sender is told.
func (i *Inbox) resume(ctx context.Context, row delivery.Delivery) {
	if _, held := i.held.LoadOrStore(row.ID, true); held {
		return
	}
	body, err := i.Sealer.Open(row.ID, row.Body)
	t := task{transport.Delivery{ID: row.ID, Kind: transport.Kind(row.Kind), Body: body}, i.Carry}
	isLate := i.Now().Sub(row.ReceivedAt) > expireAfter
	switch {
	case err != nil && isLate: // until then another process may have the token that it was sealed with
		i.Log.Error("Slack: a delivery is given up, because it cannot be opened", "kind", row.Kind, "error", err)
		i.done <- row.ID
		return
	case err != nil:
		i.held.Delete(row.ID)
		return
	case isLate:
		i.Log.Warn("Slack: a delivery is given up, because it is too old", "kind", row.Kind)
		t.do = i.Expired
	}
	select {
	case <-ctx.Done(): // it stays in the store
	case i.left <- t:
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
