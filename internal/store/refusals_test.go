package store_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/store/storetest"
)

func refusal(at time.Time, change func(*audit.Row)) audit.Row {
	r := audit.Row{
		At: at, Actor: "local:alice", Surface: "mcp", Account: "a@example.com", Operation: "servers.delete",
		Target: "web-1", Arguments: json.RawMessage(`{"server":"web-1"}`), Decision: "refused", Reason: "the policy says no",
	}
	if change != nil {
		change(&r)
	}
	return r
}

func refusedAll(t *testing.T, db *store.Store, list ...audit.Row) {
	t.Helper()
	for _, row := range list {
		require.NoError(t, db.Note(t.Context(), row))
	}
}

// Like refusals of one actor and operation within a minute are one row, and one more with how many.
func TestRepeatedRefusalsAreCounted(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		db := open(t, url)
		for i := range 41 {
			refusedAll(t, db, refusal(start.Add(time.Duration(i)*time.Second), nil))
		}
		require.Len(t, rows(t, db, audit.Filter{}), 1, "the first is a row at once")
		refusedAll(t, db, refusal(start.Add(time.Minute), nil))
		got := rows(t, db, audit.Filter{})
		require.Len(t, got, 3, "the count of the minute that is over, and the first of the next")
		require.Equal(t, "refused 40 more times within a minute; the last time: the policy says no", got[1].Reason)
		require.Equal(t, "web-1", got[1].Target)
		require.JSONEq(t, `{"count":40,"from":"2026-03-01T12:00:01.123456789Z","until":"2026-03-01T12:00:40.123456789Z"}`, string(got[1].Arguments))
		require.Equal(t, "local:alice", got[1].Actor)
		require.Equal(t, audit.Refused, got[1].Decision)

		refusedAll(t, db, refusal(start.Add(61*time.Second), func(r *audit.Row) { r.Target = "web-2" }), refusal(start.Add(62*time.Second), nil))
		require.NoError(t, db.Close())
		db = open(t, url)
		got = rows(t, db, audit.Filter{})
		require.Len(t, got, 4, "what was counted becomes a row at stop")
		require.Empty(t, got[3].Target)
		require.Contains(t, string(got[3].Arguments), `"targets":["web-2","web-1"]`)
		_, err := audit.Verify(db.Rows(t.Context(), audit.Filter{}))
		require.NoError(t, err)
	})
}

// What differs in who, where, on which account or what is a row of its own, and so is all that is
// no refusal.
func TestOtherRefusalsAreRows(t *testing.T) {
	db := open(t, engines["sqlite"](t))
	refusedAll(t, db,
		refusal(start, nil),
		refusal(start, func(r *audit.Row) { r.Actor = "local:bob" }),
		refusal(start, func(r *audit.Row) { r.Surface = "slack" }),
		refusal(start, func(r *audit.Row) { r.Account = "b@example.com" }),
		refusal(start, func(r *audit.Row) { r.Operation = "servers.stop" }),
		refusal(start, func(r *audit.Row) { r.Decision = "allowed" }),
		refusal(start, func(r *audit.Row) { r.Decision = "allowed" }),
	)
	require.Len(t, rows(t, db, audit.Filter{}), 7)
}

// At the minute's end the count is a row though nothing else happens.
func TestRefusalCountIsWrittenAfterAMinute(t *testing.T) {
	path := fileOf(storetest.SQLite(t))
	synctest.Test(t, func(t *testing.T) {
		db, err := store.Open(t.Context(), "sqlite:"+path)
		require.NoError(t, err)
		refusedAll(t, db, refusal(time.Now(), nil), refusal(time.Now(), nil))
		require.Len(t, rows(t, db, audit.Filter{}), 1)
		time.Sleep(61 * time.Second)
		synctest.Wait()
		got := rows(t, db, audit.Filter{})
		require.Len(t, got, 2)
		require.Equal(t, "refused once more within a minute: the policy says no", got[1].Reason)
		require.NoError(t, db.Close())
	})
}
