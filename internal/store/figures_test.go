package store_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/store/storetest"
)

func TestFigures(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		t.Parallel()
		db := open(t, url)
		now := start.Add(4 * time.Minute)
		got, err := store.FiguresOf(t.Context(), db, now)
		require.NoError(t, err)
		require.Equal(t, store.Figures{Open: map[approval.State]int{}}, got, "of an empty store")

		overdue := asked("overdue")
		overdue.CreatedAt, overdue.ExpiresAt = start.Add(-time.Hour), now
		inserted(t, db, overdue)
		young := asked("young")
		young.CreatedAt, young.Account = start.Add(time.Minute), "b@example.com"
		inserted(t, db, young)
		inserted(t, db, asked("old"))
		inserted(t, db, claimed("now"))
		walk(t, db, "lost", []approval.State{approval.Executing, approval.Unknown})
		walk(t, db, "human", []approval.State{approval.Executing, approval.Unknown, approval.NeedsHuman})
		walk(t, db, "done", []approval.State{approval.Executing, approval.Done})
		got, err = store.FiguresOf(t.Context(), db, now)
		require.NoError(t, err)
		require.Equal(t, store.Figures{
			Open:    map[approval.State]int{approval.Pending: 2, approval.Executing: 1, approval.Unknown: 1},
			Pending: now.Sub(ms(start)), NeedsHuman: 1, Rows: int64(logLength(t, db)),
		}, got)

		got, err = store.FiguresOf(t.Context(), db, start.Add(25*time.Hour))
		require.NoError(t, err)
		require.Equal(t, map[approval.State]int{approval.Executing: 1, approval.Unknown: 1}, got.Open, "what is held is never overdue")
		require.Zero(t, got.NeedsHuman, "a day later")
	})
}

// Rows after the newest checkpoint are those that a process without the key has written, once they are late.
func TestFiguresOfASignedLog(t *testing.T) {
	s := newSigner(t)
	figures := func() store.Figures {
		f, err := store.FiguresOf(t.Context(), s.db, s.at.Add(time.Hour))
		require.NoError(t, err)
		return f
	}
	require.Equal(t, store.Figures{Open: map[approval.State]int{}, HasKey: true}, figures(), "nothing is written yet")
	s.write(s.db, 1)
	signed := figures()
	require.Equal(t, signed.Rows, signed.Signed)
	require.Equal(t, time.Hour, signed.Checkpoint.Round(time.Second))
	require.Zero(t, signed.Behind)

	s.write(open(t, "sqlite:"+s.path), 3)
	got := figures()
	require.Equal(t, signed.Signed, got.Signed)
	require.Equal(t, signed.Rows+3, got.Rows)
	require.Equal(t, 11*time.Minute+2*time.Second, got.Behind)
}

// Each access is reported with its kind, and as a failure only if the database is at fault.
func TestWatch(t *testing.T) {
	url := storetest.SQLite(t)
	db := open(t, url)
	var seen []store.Access
	db.Watch = func(a store.Access) { seen = append(seen, a) }
	take := func() (kind store.Kind, failure store.Failure) {
		require.Len(t, seen, 1)
		require.Positive(t, seen[0].Took)
		kind, failure, seen = seen[0].Kind, seen[0].Failure, nil
		return kind, failure
	}
	requireAccess := func(kind store.Kind, failure store.Failure) {
		t.Helper()
		gotKind, gotFailure := take()
		require.Equal(t, kind, gotKind)
		require.Equal(t, failure, gotFailure)
	}
	holder := inserted(t, db, claimed("1"))
	requireAccess(store.Write, "")
	rival := claimed("3")
	rival.Target = holder.Target
	_, _, err := db.Insert(t.Context(), rival, nil, row("allowed"))
	requireBusy(t, holder, err)
	requireAccess(store.Write, "")
	_, err = db.Record(t.Context(), "2")
	require.ErrorIs(t, err, approval.ErrNotFound)
	requireAccess(store.Read, "")

	late, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	_, err = db.Record(late, "1")
	require.Error(t, err)
	requireAccess(store.Read, store.Slow)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = db.Record(gone, "1")
	require.Error(t, err)
	require.Empty(t, seen, "a caller that gives up says nothing of the database")

	require.NoError(t, os.Rename(fileOf(url), fileOf(url)+".away"))
	require.ErrorContains(t, db.Note(t.Context(), row("refused")), "was removed while it was in use")
	requireAccess(store.Write, store.Other)
	require.NoError(t, os.Rename(fileOf(url)+".away", fileOf(url)))
}
