package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/trace"
)

// Kind is what an access to the database does.
type Kind string

// The kinds of an [Access].
const (
	Read  Kind = "read"
	Write Kind = "write"
)

// Failure is why the database did not do what it was asked for.
type Failure string

// The failures. A refusal of the store's own, such as a limit, is none.
const (
	Away    Failure = "away"    // no connection, or it broke
	Slow    Failure = "slow"    // no answer in time
	Unknown Failure = "unknown" // whether a commit was kept cannot be found out
	Other   Failure = "other"   // any other error of the database or its files
)

// Access is a read or a write transaction that has ended, with its repetitions and the wait for its turn.
type Access struct {
	Kind    Kind
	Took    time.Duration
	Failure Failure // "": none

	began time.Time
}

func watched(ctx context.Context, s *Store, a Access, err *error) {
	if trace.Recording(ctx) {
		system := "sqlite"
		if s.session != nil {
			system = "postgresql"
		}
		trace.Record(ctx, trace.Done{
			Name: "store " + string(a.Kind), Kind: trace.Client, Began: a.began, Failed: string(failureOf(*err)),
			Texts: []string{"db.system.name", system, "db.operation.name", string(a.Kind)},
		})
	}
	if s.Watch != nil && !errors.Is(ctx.Err(), context.Canceled) { // whose caller gave up tells nothing of the database
		a.Took, a.Failure = time.Since(a.began), failureOf(*err)
		s.Watch(a)
	}
}

func failureOf(err error) Failure {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, errCommitUnknown):
		return Unknown
	case errors.Is(err, context.DeadlineExceeded), hasCode(err, queryCancelled, lockTimeout):
		return Slow
	case isLost(err):
		return Away
	case errors.As(err, new(*sqlite.Error)), errors.As(err, new(*pgconn.PgError)), errors.Is(err, errLostFile):
		return Other
	}
	return ""
}

// Connections are those of one pool.
type Connections struct{ InUse, Idle int }

// ConnectionsOf returns those of the two pools. It waits for nothing.
func ConnectionsOf(s *Store) map[Kind]Connections {
	of := func(db *sql.DB) Connections {
		stats := db.Stats()
		return Connections{stats.InUse, stats.Idle}
	}
	return map[Kind]Connections{Read: of(s.read), Write: of(s.write)}
}

// Figures describes what the store holds, of all accounts.
type Figures struct {
	Open       map[approval.State]int // records by open state, without overdue ones; the oldest 10,000 are counted
	Pending    time.Duration          // the age of the oldest pending one; 0: there is none
	NeedsHuman int                    // records that ended so within a day, of the newest 1,000 that changed

	Rows       int64         // of the audit log: the number of its last one
	HasKey     bool          // this process signs
	Signed     int64         // the row of the newest checkpoint; 0: there is none
	Checkpoint time.Duration // the age of that checkpoint
	Behind     time.Duration // from it to the last row
}

// The statements of Figures read no more as more has ended: what is open, what changed last, the last of the log.
var (
	selectOpenStates = "SELECT state, count(*), min(created_at) FROM (SELECT state, created_at FROM approvals WHERE " + inOpen +
		" AND (" + inHolding + " OR expires_at > $1) ORDER BY created_at, seq" + limit(10_000) + ") AS due GROUP BY state"
	countEnded = "SELECT count(*) FROM (SELECT state FROM approvals WHERE changed_at >= $1 ORDER BY changed_at DESC" + limit(1000) +
		") AS newest WHERE state = $2"
)

const (
	needsHumanFor    = 24 * time.Hour
	selectLast       = "SELECT seq, at FROM audit ORDER BY seq DESC LIMIT 1"
	selectCheckpoint = "SELECT seq, at FROM audit_checkpoints ORDER BY seq DESC LIMIT 1"
)

// FiguresOf reads the present figures.
func FiguresOf(ctx context.Context, s *Store, now time.Time) (f Figures, err error) {
	err = s.reading(ctx, func(ctx context.Context, q queryer) error {
		f = Figures{Open: map[approval.State]int{}, HasKey: s.own.Any()}
		return errors.Join(f.readApprovals(ctx, q, now), f.readLog(ctx, q, now))
	})
	return f, err
}

func (f *Figures) readApprovals(ctx context.Context, q queryer, now time.Time) error {
	type group struct {
		state  approval.State
		count  int
		oldest millis
	}
	groups, err := all(ctx, q, func(g *group) []any { return []any{&g.state, &g.count, &g.oldest} }, selectOpenStates, millis(now))
	if err != nil {
		return err
	}
	for _, g := range groups {
		f.Open[g.state] = g.count
		if g.state == approval.Pending {
			f.Pending = max(now.Sub(time.Time(g.oldest)), time.Millisecond)
		}
	}
	ended, err := count(ctx, q, countEnded, millis(now.Add(-needsHumanFor)), approval.NeedsHuman)
	f.NeedsHuman = int(ended)
	return err
}

func (f *Figures) readLog(ctx context.Context, q queryer, now time.Time) error {
	type place struct {
		seq int64
		at  millis
	}
	fields := func(p *place) []any { return []any{&p.seq, &p.at} }
	last, err := orNil(one(ctx, q, fields, selectLast))
	if err != nil || last == nil {
		return err
	}
	f.Rows = last.seq
	signed, err := orNil(one(ctx, q, fields, selectCheckpoint))
	if err != nil || signed == nil {
		return err
	}
	f.Signed, f.Checkpoint = signed.seq, max(now.Sub(time.Time(signed.at)), 0)
	f.Behind = time.Time(last.at).Sub(time.Time(signed.at))
	return nil
}
