package slackbot

import (
	"context"
	"errors"
	"time"

	"github.com/vpsbot/vpsbot/slackbot/transport"
)

// gatherer stores deliveries that arrive at the same time in one transaction: what makes a
// delivery durable costs as much for one as for many.
type gatherer struct {
	store   func(context.Context, []transport.Delivery) ([]bool, error)
	pass    func(transport.Delivery) // takes what is stored for the first time
	waiting chan arrival
}

type arrival struct {
	delivery transport.Delivery
	stored   chan<- error
}

// storeWithin is how long one batch may take: those who wait for it give up before.
const storeWithin = 5 * time.Second

func newGatherer(store func(context.Context, []transport.Delivery) ([]bool, error), pass func(transport.Delivery)) *gatherer {
	return &gatherer{store: store, pass: pass, waiting: make(chan arrival, 1024)}
}

var (
	errNotTried = errors.New("it was not stored: vpsbot is too busy, is stopping, or has no store")
	errSlow     = errors.New("storing takes too long; it may still be carried out")
)

// add returns once the delivery is stored, now or before.
func (g *gatherer) add(ctx context.Context, d transport.Delivery) error {
	stored := make(chan error, 1)
	select {
	case <-ctx.Done():
		return errNotTried
	case g.waiting <- arrival{d, stored}:
	}
	select {
	case <-ctx.Done():
		return errSlow
	case err := <-stored:
		return err
	}
}

// run stores what arrives until ctx ends.
func (g *gatherer) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			g.refuse()
			return
		case first := <-g.waiting:
			g.keep(ctx, g.more(first))
		}
	}
}

// more adds what has arrived meanwhile.
func (g *gatherer) more(first arrival) []arrival {
	together := []arrival{first}
	for len(together) < batch {
		select {
		case next := <-g.waiting:
			together = append(together, next)
		default:
			return together
		}
	}
	return together
}

func (g *gatherer) keep(ctx context.Context, together []arrival) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
	defer cancel()
	deliveries := make([]transport.Delivery, len(together))
	for i, a := range together {
		deliveries[i] = a.delivery
	}
	fresh, err := g.store(ctx, deliveries)
	for i, a := range together {
		if err == nil && fresh[i] {
			g.pass(a.delivery)
		}
		a.stored <- err
	}
}

func (g *gatherer) refuse() {
	for {
		select {
		case a := <-g.waiting:
			a.stored <- errNotTried
		default:
			return
		}
	}
}
