package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
)

func message(id, topic string) approval.Message {
	return approval.Message{ID: id, Topic: topic, Body: []byte(`{"text":"` + id + `"}`), CreatedAt: ms(start)}
}

func taken(t *testing.T, db database, owner string, after time.Duration, n int) (ids []string) {
	t.Helper()
	messages, err := db.Take(t.Context(), owner, start.Add(after), n)
	require.NoError(t, err)
	for _, m := range messages {
		ids = append(ids, m.ID)
	}
	return ids
}

func TestOutbox(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		ctx := t.Context()
		for i, topic := range []string{"a", "b", "a", "", ""} {
			require.NoError(t, db.Enqueue(ctx, message(fmt.Sprint(i), topic)))
		}
		require.NoError(t, db.Enqueue(ctx, message("0", "z")), "the same again")
		require.Error(t, db.Enqueue(ctx, message("", "")))

		got, err := db.Take(ctx, "p1", start, 1)
		require.NoError(t, err)
		want := message("0", "a")
		want.Tries = 1
		require.Equal(t, []approval.Message{want}, got)
		require.Empty(t, taken(t, db, "p2", 0, 0))
		require.Equal(t, []string{"1", "3", "4"}, taken(t, db, "p2", time.Second, 9), "2 waits for 0, which p1 has")
		require.NoError(t, db.Sent(ctx, "0"))
		require.NoError(t, db.Sent(ctx, "0"), "twice is once")
		require.Equal(t, []string{"2"}, taken(t, db, "p2", time.Second, 9))
		require.NoError(t, db.Sent(ctx, "2"))

		// p2 dies: after a minute others get what it had.
		require.Empty(t, taken(t, db, "p3", time.Minute, 9))
		got, err = db.Take(ctx, "p3", start.Add(time.Minute+time.Second), 2)
		require.NoError(t, err)
		require.Equal(t, []int{2, 2}, []int{got[0].Tries, got[1].Tries})
		require.Equal(t, []string{"1", "3"}, []string{got[0].ID, got[1].ID})
		require.Zero(t, logLength(t, db))
	})
}

func TestMoveAndSend(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		inserted(t, db, asked("1"))
		r, err := db.MoveAndSend(t.Context(), claim("1"), row("approved"), message("m1", "1"), message("m2", "1"))
		require.NoError(t, err)
		require.Equal(t, approval.Executing, r.State)
		_, err = db.MoveAndSend(t.Context(), claim("1"), row("approved"), message("m3", "1"))
		require.ErrorAs(t, err, new(*approval.StateError))
		require.Equal(t, []string{"m1", "m2"}, taken(t, db, "p", 0, 9), "nothing was said of what did not happen")

		_, err = db.MoveAndSend(t.Context(), move("1", approval.Executing, approval.Done), row("done"), message("", ""))
		require.Error(t, err)
		still, err := db.Record(t.Context(), "1")
		require.NoError(t, err)
		require.Equal(t, approval.Executing, still.State, "nothing happened that could not be said")
	})
}

func TestOnce(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		once := func(key string, after, until time.Duration) bool {
			t.Helper()
			first, err := db.Once(t.Context(), key, start.Add(after), start.Add(until))
			require.NoError(t, err)
			return first
		}
		require.True(t, once("a", 0, time.Minute))
		require.True(t, once("b", 0, time.Minute))
		require.False(t, once("a", time.Second, time.Hour))
		require.False(t, once("a", time.Minute-time.Millisecond, time.Hour))
		require.True(t, once("a", time.Minute, time.Hour), "forgotten")
		for _, err := range []error{
			second(db.Once(t.Context(), "", start, start.Add(time.Minute))), second(db.Once(t.Context(), "c", start, start)),
		} {
			require.Error(t, err)
		}
	})
}

func second(_ bool, err error) error { return err }
