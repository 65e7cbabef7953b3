package store

import (
	"context"
	"errors"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
)

// lease is how long who took a message has it alone.
const lease = time.Minute

// MoveAndSend implements [approval.Outbox].
func (s *Store) MoveAndSend(ctx context.Context, m approval.Move, row audit.Row, out ...approval.Message) (approval.Record, error) {
	return s.move(ctx, m, row, out)
}

// Enqueue implements [approval.Outbox].
func (s *Store) Enqueue(ctx context.Context, m approval.Message) error {
	return s.inTx(ctx, func(ctx context.Context, tx transaction) error {
		if err := s.alone(ctx, tx); err != nil {
			return err
		}
		return enqueueIn(ctx, tx, []approval.Message{m})
	})
}

// enqueueIn stores messages in a transaction that is alone: their numbers are their order.
func enqueueIn(ctx context.Context, tx transaction, messages []approval.Message) error {
	for _, m := range messages {
		if m.ID == "" {
			return errors.New("store: a message has no id")
		}
		m.Tries = 0
		fields := messageFields(&m)
		var p params
		marks := p.addAll(fields)
		_, err := execute(ctx, tx, "INSERT INTO outbox ("+messageColumns+", seq, owner, leased_until) SELECT "+marks+
			", coalesce(max(seq), 0) + 1, '', 0 FROM outbox WHERE true ON CONFLICT (id) DO NOTHING", p.values...)
		if err != nil {
			return err
		}
	}
	return nil
}

// Take implements [approval.Outbox].
func (s *Store) Take(ctx context.Context, owner string, now time.Time, n int) (taken []approval.Message, err error) {
	err = s.logged(ctx, func(ctx context.Context, tx transaction) error {
		taken, err = all(ctx, tx, messageFields, "SELECT "+messageColumns+` FROM outbox WHERE leased_until <= $1
			AND (topic = '' OR NOT EXISTS (SELECT 1 FROM outbox e WHERE e.topic = outbox.topic AND e.seq < outbox.seq AND e.leased_until > $2))
			ORDER BY seq LIMIT $3`, millis(now), millis(now), max(n, 0))
		if err != nil {
			return err
		}
		for i := range taken {
			taken[i].Tries++
			if _, err := execute(ctx, tx, "UPDATE outbox SET owner = $1, leased_until = $2, tries = tries + 1 WHERE id = $3",
				owner, millis(now.Add(lease)), taken[i].ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

// Sent implements [approval.Outbox].
func (s *Store) Sent(ctx context.Context, id string) error {
	return s.inTx(ctx, func(ctx context.Context, tx transaction) error {
		_, err := execute(ctx, tx, "DELETE FROM outbox WHERE id = $1", id)
		return err
	})
}

// Once implements [approval.Deliveries]. It forgets the keys whose time is over at now.
func (s *Store) Once(ctx context.Context, key string, now, until time.Time) (first bool, err error) {
	if key == "" || !until.After(now) {
		return false, errors.New("store: a delivery needs a key and a time to be remembered")
	}
	err = s.inTx(ctx, func(ctx context.Context, tx transaction) error {
		if _, err := execute(ctx, tx, "DELETE FROM deliveries WHERE until <= $1", millis(now)); err != nil {
			return err
		}
		first, err = execute(ctx, tx, "INSERT INTO deliveries (delivery, until) VALUES ($1, $2) ON CONFLICT (delivery) DO NOTHING",
			key, millis(until))
		return err
	})
	return first && err == nil, err
}
