package slackbot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/slackbot/command"
	"github.com/vpsbot/vpsbot/slackbot/transport"
)

const (
	acceptWithin = 900 * time.Millisecond // Slack waits three seconds, people one
	rememberFor  = 11 * time.Minute       // a signature counts for ten, five either way
	tooLate      = 15 * time.Minute       // to carry out what somebody sent
	forgetWithin = 2 * time.Second
	batch        = 64
)

// What a person is told whose command could not be kept, or not yet.
const (
	notStored = "vpsbot cannot store anything at the moment, so nothing was done. Please try again in a minute."
	slow      = "vpsbot cannot store your command at the moment. If no answer comes within a minute, it was not taken: please send it again then."
)

// Handle takes a delivery: what can be answered at once is answered, the rest is stored and then
// acknowledged. A delivery that comes again has no second effect.
func (b *Bot) Handle(ctx context.Context, d transport.Delivery) []byte {
	ctx, cancel := context.WithTimeout(ctx, acceptWithin)
	defer cancel()
	if d.Kind == transport.Options {
		return b.suggest(ctx, d)
	}
	if ack, wrong := b.precheck(ctx, d); wrong {
		return ack
	}
	if err := b.inbox.add(ctx, d); err != nil {
		b.Log.Warn("Slack: a delivery could not be stored", "error", err)
		if !onlyReads(d) {
			return sorry(d, err)
		}
		b.enqueue(d) // reads go on without a store: one that is done twice, or lost, harms nobody
	}
	return nil
}

// onlyReads reports whether a delivery is a command that changes nothing.
func onlyReads(d transport.Delivery) bool {
	var typed commandRequest
	if d.Kind != transport.Command || json.Unmarshal(d.Body, &typed) != nil {
		return false
	}
	c, err := command.Parse(typed.Text)
	if err != nil {
		return false
	}
	switch c.Kind {
	case command.Operation:
		return c.Op.IsRead() && len(c.Missing()) == 0
	case command.Help, command.Why, command.Nothing:
		return true
	}
	return false
}

// sorry is the acknowledgement of what could not be stored. A press has no room for it.
func sorry(d transport.Delivery, err error) []byte {
	says := slow // it may have been stored all the same
	if errors.Is(err, errNotTried) {
		says = notStored
	}
	var answer any
	switch {
	case d.Kind == transport.Command:
		answer = map[string]string{"response_type": "ephemeral", "text": says}
	case d.Kind == transport.Interaction && isSubmission(d.Body):
		return updated("Not done", says)
	default:
		return nil
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		panic(err) // only texts are in it
	}
	return raw
}

// updated is the acknowledgement of a modal that goes on to say something.
func updated(title, says string) []byte {
	raw, err := json.Marshal(map[string]any{"response_action": "update", "view": blocks.Done(title, says)})
	if err != nil {
		panic(err) // only texts are in it
	}
	return raw
}

func isSubmission(body []byte) bool {
	var p payload
	return json.Unmarshal(body, &p) == nil && p.Type == "view_submission"
}

// enqueue hands a delivery to the workers, once. Where they are all behind it stays in the
// store, and is taken from there when its lease is over.
func (b *Bot) enqueue(d transport.Delivery) {
	if _, busy := b.inHand.LoadOrStore(d.ID, true); busy {
		return
	}
	select {
	case b.work <- d:
	default:
		b.inHand.Delete(d.ID)
	}
}

// receive stores a batch of deliveries.
func (b *Bot) receive(ctx context.Context, batch []transport.Delivery) ([]bool, error) {
	store, err := b.Store(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotTried, err)
	}
	now := b.Now()
	rows := make([]delivery.Delivery, len(batch))
	for i, d := range batch {
		rows[i] = delivery.Delivery{
			ID: d.ID, Kind: string(d.Kind), Body: b.seal(d.ID, d.Body), ReceivedAt: now, Until: now.Add(rememberFor),
		}
	}
	return store.Enqueue(ctx, b.owner(), now, rows)
}

func (b *Bot) owner() string { return b.Runner.Process.ID }

// serveWork carries deliveries out until ctx ends. What is still queued then stays in the store.
func (b *Bot) serveWork(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case b.slots <- struct{}{}:
		}
		select {
		case <-ctx.Done():
			return
		case d := <-b.work:
			if ctx.Err() != nil {
				return
			}
			b.running.Go(func() { b.carryOut(b.working, d) })
		}
	}
}

// carryOut carries a delivery out. One that was broken off stays in the store: whoever runs next
// takes it up.
func (b *Bot) carryOut(ctx context.Context, d transport.Delivery) {
	defer func() { <-b.slots }()
	err := b.guarded(ctx, func(ctx context.Context) error { return b.dispatch(ctx, d) })
	if err != nil {
		b.Log.Error("Slack: carrying out a delivery", "kind", d.Kind, "error", err)
	}
	if ctx.Err() != nil {
		b.inHand.Delete(d.ID)
		return
	}
	b.finished <- d.ID
}

// takeLeftover takes up what a process that ended, or was too busy, has left.
func (b *Bot) takeLeftover(ctx context.Context) error {
	room := min(batch, cap(b.work)-len(b.work))
	if room == 0 || !b.known() {
		return nil
	}
	store, err := b.Store(ctx)
	if err != nil {
		return err
	}
	left, err := store.ClaimExpired(ctx, b.owner(), b.Now(), room)
	for _, row := range left {
		if _, busy := b.inHand.Load(row.ID); !busy {
			b.takeUp(ctx, row)
		}
	}
	return err
}

// takeUp carries out what was left, unless it was sent so long ago that whoever sent it may not
// want it any more.
func (b *Bot) takeUp(ctx context.Context, row delivery.Delivery) {
	body, err := b.open(row.ID, row.Body)
	d := transport.Delivery{ID: row.ID, Kind: transport.Kind(row.Kind), Body: body}
	late := b.Now().Sub(row.ReceivedAt) > tooLate
	switch {
	case err == nil && !late:
		b.enqueue(d)
	case err == nil:
		b.running.Go(func() { b.apologise(ctx, d) })
	case late: // until then another process may be able to open it, which knows the token it was sealed with
		b.Log.Error("Slack: a delivery is given up, because it cannot be opened", "kind", row.Kind, "error", err)
		b.finished <- row.ID
	}
}

// apologise tells somebody that what they did came to nothing.
func (b *Bot) apologise(ctx context.Context, d transport.Delivery) {
	b.Log.Warn("Slack: a delivery is given up, because it is too old", "kind", d.Kind)
	err := b.guarded(ctx, func(ctx context.Context) error {
		v, err := b.visitor(ctx, d)
		if err != nil || v.user == "" || d.Kind == transport.Event {
			return err
		}
		v.url = "" // its answer would not be looked for any more
		return b.tell(ctx, v, blocks.Plain("vpsbot was away, and did not carry out what you sent. Please send it again, if you still want it."))
	})
	if err != nil {
		b.Log.Warn("Slack: telling that a delivery is given up", "error", err)
	}
	b.finished <- d.ID
}

// finish forgets the bodies of what is done, many at once.
func (b *Bot) finish(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			b.forget(ctx, drain(b.finished, nil))
			return
		case id := <-b.finished:
			b.forget(ctx, drain(b.finished, []string{id}))
		}
	}
}

func drain(from chan string, ids []string) []string {
	for {
		select {
		case id := <-from:
			ids = append(ids, id)
		default:
			return ids
		}
	}
}

func (b *Bot) forget(ctx context.Context, ids []string) {
	if len(ids) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), forgetWithin) // even when all is to end
	defer cancel()
	store, err := b.Store(ctx)
	if err == nil {
		err = store.Ack(ctx, ids)
	}
	if err != nil { // they are carried out once more; what changes anything is recognised by its request id
		b.Log.Warn("Slack: noting what is done", "error", err)
	}
	for _, id := range ids {
		b.inHand.Delete(id)
	}
}
