package store

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/internal/text"
)

const (
	// Expired deliveries are deleted after every cleanEvery new ones, cleanMost at a time: more than
	// have arrived, and few enough not to delay the transaction.
	cleanEvery = 256
	cleanMost  = 512
)

// rowsAtOnce is how many deliveries go into one statement. SQLite's driver seeks the value of each
// placeholder among all: twice as many take four times as long.
const rowsAtOnce = 64

const storeDeliveries = "INSERT INTO inbox (" + deliveryColumns + ", owner, leased_until, done) VALUES "

// acceptOwn returns a row that an earlier attempt of the same call has stored as stored.
const (
	ignoreConflict = " ON CONFLICT (id) DO NOTHING"
	acceptOwn      = " ON CONFLICT (id) DO UPDATE SET owner = excluded.owner WHERE inbox.owner = excluded.owner" +
		" AND inbox.leased_until = excluded.leased_until AND inbox.done = 0"
)

var inbox = queue[delivery.Delivery]{
	table: "inbox", key: "id", columns: deliveryColumns, fields: deliveryFields,
	open:  "done = 0",
	due:   func(*params, time.Time) string { return "done = 0" },
	order: "received_at, id",
	also:  "tries = tries + 1",
}

// Enqueue implements [delivery.Inbox]. An ID may be remembered a little longer than it has to be.
// Where a commit was not answered it is tried again, and finds what the first try has stored.
// After an error nothing is stored, unless the error is errCommitUnknown: then ClaimExpired returns
// what is.
func (s *Store) Enqueue(ctx context.Context, now time.Time, ds []delivery.Delivery) ([]bool, error) {
	if slices.ContainsFunc(ds, func(d delivery.Delivery) bool { return d.ID == "" || !d.Until.After(now) }) {
		return nil, errors.New("store: a delivery needs an id and a time to be remembered")
	}
	if len(ds) == 0 {
		return nil, nil
	}
	lock, err := s.Hold(ctx)
	if err != nil {
		return nil, err
	}
	after := s.received.Add(int64(len(ds)))
	before := after - int64(len(ds))
	r := enqueueBatch{owner: lock.ID(), now: now, rows: deduplicate(ds), clean: before/cleanEvery != after/cleanEvery, conflict: ignoreConflict}
	stored, err := r.store(ctx, s)
	if errors.Is(err, errCommitUnknown) {
		r.conflict = acceptOwn
		again, err := r.store(ctx, s)
		if err != nil {
			return nil, err
		}
		maps.DeleteFunc(stored, func(id string, _ bool) bool { return !again[id] })
	} else if err != nil {
		return nil, err
	}
	return storedFirst(ds, stored), nil
}

// deduplicate returns the deliveries without repetitions, ordered by id, so that two processes that
// store the same ones do not deadlock.
func deduplicate(ds []delivery.Delivery) []delivery.Delivery {
	rows := slices.Clone(ds)
	for i := range rows {
		rows[i].ID = text.Storable(rows[i].ID)
		rows[i].Tries = 1
	}
	slices.SortStableFunc(rows, func(a, b delivery.Delivery) int { return strings.Compare(a.ID, b.ID) })
	return slices.CompactFunc(rows, func(a, b delivery.Delivery) bool { return a.ID == b.ID })
}

// storedFirst reports for each delivery whether it was stored; of repetitions the first was.
func storedFirst(ds []delivery.Delivery, stored map[string]bool) []bool {
	fresh := make([]bool, len(ds))
	for i, d := range ds {
		id := text.Storable(d.ID)
		fresh[i] = stored[id]
		delete(stored, id)
	}
	return fresh
}

type enqueueBatch struct {
	owner    string
	now      time.Time
	rows     []delivery.Delivery
	clean    bool
	conflict string // what to do with those that are there
}

// store returns the ids of what it has stored, also where it is not known whether it is kept.
func (r enqueueBatch) store(ctx context.Context, s *Store) (stored map[string]bool, err error) {
	err = inUrgentTx(ctx, s, func(ctx context.Context, tx transaction) error {
		stored = map[string]bool{}
		if r.clean {
			query, args := s.deleteExpired(r.now)
			if _, err := execute(ctx, tx, query, args...); err != nil {
				return err
			}
		}
		for rows := range slices.Chunk(r.rows, rowsAtOnce) {
			query, args := r.statement(rows)
			ids, err := texts(ctx, tx.unprepared(), query, args...)
			if err != nil {
				return err
			}
			for _, id := range ids {
				stored[id] = true
			}
		}
		return nil
	})
	return stored, err
}

// statement stores rows, and returns the ids of those that it stores.
func (r enqueueBatch) statement(rows []delivery.Delivery) (query string, args []any) {
	var p params
	marks := make([]string, len(rows))
	for i := range rows {
		owner, until := r.owner, r.now.Add(lease)
		if rows[i].Unclaimed {
			owner, until, rows[i].Tries = "", time.Time{}, 0
		}
		values := append(deliveryFields(&rows[i]), owner, millis(until), flag(false))
		marks[i] = "(" + addAll(&p, values) + ")"
	}
	return storeDeliveries + strings.Join(marks, ", ") + r.conflict + " RETURNING id", p.values
}

// deleteExpired deletes some of what is done and need not be remembered.
func (e *engine) deleteExpired(now time.Time) (query string, args []any) {
	return "DELETE FROM inbox WHERE id " + e.in("SELECT id FROM inbox WHERE done = 1 AND until <= $1 ORDER BY until"+limit(cleanMost)+e.skip), []any{millis(now)}
}

// ClaimExpired implements [delivery.Inbox].
func (s *Store) ClaimExpired(ctx context.Context, now time.Time, n int) ([]delivery.Delivery, error) {
	left, err := inbox.claim(ctx, s, now, n)
	slices.SortFunc(left, func(a, b delivery.Delivery) int {
		return cmp.Or(a.ReceivedAt.Compare(b.ReceivedAt), strings.Compare(a.ID, b.ID))
	})
	return left, err
}

// Ack implements [delivery.Inbox].
func (s *Store) Ack(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	return s.inTx(ctx, func(ctx context.Context, tx transaction) error {
		for some := range slices.Chunk(ids, keysAtOnce) {
			var p params
			query := "UPDATE inbox SET done = 1, body = '' WHERE done = 0 AND id IN (" + addAll(&p, some) + ")"
			if _, err := execute(ctx, tx.unprepared(), query, p.values...); err != nil {
				return err
			}
		}
		return nil
	})
}

// Dedupe implements [delivery.Deduper]. It forgets the keys whose time is over at now.
func (s *Store) Dedupe(ctx context.Context, key string, now, until time.Time) (first bool, err error) {
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
