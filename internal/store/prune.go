package store

import (
	"context"
	"errors"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/liveness"
)

// Pruning deletes approvals that ended long ago, with all that belongs to them, and deliveries that are done.
// The audit log is never pruned: it has every outcome.

const (
	// longestPause is what a time in which no approval changed counts at most. A clock that is years ahead
	// shows such a time, and makes nothing old.
	longestPause = 7 * 24 * time.Hour

	pruneAtOnce = 50 // approvals: a change waits a few milliseconds for them
	longestRest = 10 * time.Second
)

// restFactor is the rest after a batch, in times of what it took: the write lock is for changes.
var restFactor time.Duration = 20

// PruneOptions narrow what [Store.Prune] does. The zero value deletes all that is old enough.
type PruneOptions struct {
	Before time.Time // what ended before it alone; it makes nothing old that is not. Zero: no such bound
	DryRun bool      // count what would be deleted
}

// Pruned is what a run of [Store.Prune] has deleted.
type Pruned struct {
	Approvals  int
	Deliveries int
	Before     time.Time // zero: nothing was old enough
	Busy       bool      // another process prunes, so nothing was done
}

// Prune deletes what ended longer than [approval.KeptFor] ago, in batches. Whatever its age, an approval
// stays that is open or needs a person, whose message in Slack is due, or to which a challenge or a request id
// of less age refers. It returns at once while another process prunes. What was deleted before an error stays
// deleted.
func (s *Store) Prune(ctx context.Context, o PruneOptions) (done Pruned, err error) {
	before, err := pruneBefore(ctx, s)
	if err != nil || before.IsZero() {
		return done, err
	}
	if !o.Before.IsZero() && o.Before.Before(before) {
		before = o.Before
	}
	if o.DryRun {
		return countOld(ctx, s, before)
	}
	if done.Busy, err = s.IsAdvertised(ctx, liveness.Prune); err != nil || done.Busy {
		return done, err
	}
	if err := s.Advertise(ctx, liveness.Prune); err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, s.Withdraw(liveness.Prune)) }()
	done.Before = before
	p := pruning{s, before}
	err = inBatches(ctx, func(ctx context.Context) (bool, error) {
		n, more, err := p.deliveries(ctx)
		done.Deliveries += n
		return more, err
	})
	if err != nil {
		return done, err
	}
	err = inBatches(ctx, func(ctx context.Context) (bool, error) {
		n, err := p.approvals(ctx)
		done.Approvals += n
		return n > 0, err
	})
	return done, err
}

func inBatches(ctx context.Context, do func(context.Context) (more bool, err error)) error {
	for {
		begun := time.Now()
		if more, err := do(ctx); err != nil || !more {
			return err
		}
		if err := backoff.Sleep(ctx, min(restFactor*time.Since(begun), longestRest)); err != nil {
			return err
		}
	}
}

// pruneBefore returns the time before which everything is old; zero: nothing is. It goes back from now, from
// change to change by at most a week, until [approval.KeptFor] is counted.
func pruneBefore(ctx context.Context, s *Store) (time.Time, error) {
	at, err := s.Now(ctx)
	for left := approval.KeptFor; err == nil; {
		var before time.Time
		before, err = readOne(ctx, s, func(t *time.Time) []any { return []any{(*millis)(t)} }, `SELECT coalesce(
			(SELECT min(changed_at) FROM approvals WHERE changed_at >= $1 AND changed_at < $2),
			(SELECT max(changed_at) FROM approvals WHERE changed_at < $1), 0)`, millis(at.Add(-longestPause)), millis(at))
		passed := min(at.Sub(before), longestPause)
		switch {
		case err != nil || before.IsZero():
			return time.Time{}, err
		case passed >= left:
			return at.Add(-left), nil
		}
		left, at = left-passed, before
	}
	return time.Time{}, err
}

type pruning struct {
	*Store
	before time.Time
}

// prunable are the states in which nothing more is done with an approval. One that needs a person stays: nobody
// has looked yet.
var prunable = stateIn([]approval.State{
	approval.Done, approval.Failed, approval.Refused, approval.Stale, approval.Denied, approval.Expired, approval.Cancelled, approval.NotApplied,
})

// isOld is the condition of approvals that may be deleted; before is a placeholder. A claim can be later than
// the end where a clock was put back, and budgets count claims.
func isOld(before string) string {
	return prunable + " AND changed_at < " + before + " AND claimed_at < " + before +
		" AND NOT EXISTS (SELECT 1 FROM posts WHERE approval = approvals.id AND next > 0)" +
		" AND NOT EXISTS (SELECT 1 FROM forms WHERE approval = approvals.id AND forms.expires_at >= " + before + ")" +
		" AND NOT EXISTS (SELECT 1 FROM requests WHERE approval = approvals.id AND requests.at >= " + before + ")"
}

var selectOld = "SELECT id FROM approvals WHERE " + isOld("$1") + " ORDER BY changed_at" + limit(pruneAtOnce)

// approvals deletes some approvals: they are looked for without the write lock.
func (p pruning) approvals(ctx context.Context) (n int, err error) {
	ids, err := readAll(ctx, p.Store, func(id *string) []any { return []any{id} }, selectOld, millis(p.before))
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return result(ctx, p.inTx, func(ctx context.Context, tx transaction) (int, error) {
		return p.approvalsIn(ctx, tx.unprepared(), ids)
	})
}

// approvalsIn deletes those of some approvals that are still old and that nobody has locked. Where something
// comes to belong to one of them meanwhile, it fails, and nothing is deleted.
func (p pruning) approvalsIn(ctx context.Context, tx transaction, ids []string) (n int, err error) {
	var look params
	query := "SELECT id FROM approvals WHERE id IN (" + addAll(&look, ids) + ") AND " + isOld(look.add(millis(p.before))) + p.skip
	old, err := texts(ctx, tx, query, look.values...)
	if err != nil || len(old) == 0 {
		return 0, err
	}
	var all params
	batch := " IN (" + addAll(&all, old) + ")"
	of := all.values
	before := all.add(millis(p.before))
	for _, belongings := range []struct {
		where string
		args  []any
	}{
		{"consents WHERE approval" + batch, of},
		{"forms WHERE approval" + batch + " AND expires_at < " + before, all.values},
		{"requests WHERE approval" + batch + " AND at < " + before, all.values},
		{"posts WHERE approval" + batch + " AND next = 0", of},
	} {
		if _, err := execute(ctx, tx, "DELETE FROM "+belongings.where, belongings.args...); err != nil {
			return 0, err
		}
	}
	gone, err := texts(ctx, tx, "DELETE FROM approvals WHERE id"+batch+
		" AND NOT EXISTS (SELECT 1 FROM posts WHERE approval = approvals.id) RETURNING id", of...)
	if err == nil && len(gone) < len(old) {
		err = errContended
	}
	return len(gone), err
}

// deliveries deletes some deliveries that are done, and reports whether there may be more.
func (p pruning) deliveries(ctx context.Context) (n int, more bool, err error) {
	query, args := p.deleteExpired(p.before)
	done, err := p.deleted(ctx, query, args...)
	if err != nil {
		return 0, false, err
	}
	marks, err := p.deleted(ctx, "DELETE FROM deliveries WHERE until < $1", millis(p.before))
	return done + marks, done > 0, err
}

// deleted runs one DELETE, and returns how many there were.
func (p pruning) deleted(ctx context.Context, query string, args ...any) (int, error) {
	gone, err := result(ctx, p.inTx, func(ctx context.Context, tx transaction) ([]string, error) {
		return texts(ctx, tx.unprepared(), query+" RETURNING until", args...)
	})
	return len(gone), err
}

func countOld(ctx context.Context, s *Store, before time.Time) (Pruned, error) {
	at := millis(before)
	count := func(p *Pruned) []any { return []any{&p.Approvals, &p.Deliveries} }
	found, err := readOne(ctx, s, count, "SELECT (SELECT count(*) FROM approvals WHERE "+isOld("$1")+
		"), (SELECT count(*) FROM inbox WHERE done = 1 AND until <= $1) + (SELECT count(*) FROM deliveries WHERE until < $1)", at)
	found.Before = before
	return found, err
}
