package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/internal/keys"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/store/pgtest"
	"github.com/vpsbot/vpsbot/internal/store/storetest"
)

// engines are what every conformance test runs on. Each gives the URL of a new store.
var engines = map[string]func(t testing.TB) string{"sqlite": storetest.SQLite, "postgres": pgtest.URL}

// fileOf is the path in the URL of an SQLite store.
func fileOf(url string) string { return strings.TrimPrefix(url, "sqlite:") }

// unmade give the URL of a database in which there is no store yet.
var unmade = map[string]func(t testing.TB) string{
	"sqlite":   func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "vpsbot.db") },
	"postgres": pgtest.URL,
}

// database is what the program asks of a store.
type database interface {
	approval.Store
	delivery.Deduper
	delivery.Inbox
	delivery.Posts
	audit.Store
	keys.Store
	io.Closer
	Secret(ctx context.Context, name string) ([]byte, error)
}

func open(t testing.TB, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// onEach runs a test with the URL of a new store of each engine.
func onEach(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) { test(t, engine(t)) })
	}
}

// conforms runs a test on a new database of each engine.
func conforms(t *testing.T, test func(t *testing.T, db database)) {
	t.Helper()
	onEach(t, func(t *testing.T, url string) {
		t.Parallel()
		db := open(t, url)
		test(t, db)
		_, err := audit.Verify(db.Rows(t.Context(), audit.Filter{}))
		require.NoError(t, err, "the chain is whole after every test")
	})
}

// start is when the tests take place.
var start = time.Date(2026, 3, 1, 12, 0, 0, 123_456_789, time.UTC)

func ms(t time.Time) time.Time { return t.Truncate(time.Millisecond) }

// asked is a pending record with something in every field, and an actor of its own: nobody
// has many questions open.
func asked(id string) approval.Record {
	return approval.Record{
		ID: id, Operation: "servers.delete", Risk: "destructive", Input: json.RawMessage(`{"server":"` + id + `"}`),
		AskedHash: "asked-" + id, ArgsHash: "args-" + id, Actor: "local:alice-" + id, Surface: "mcp", Session: "s1",
		API: "https://api.example.com", Account: "a@example.com", TokenName: "laptop",
		Target: "server:" + id, TargetName: "web-" + id, Confirm: "web-" + id, Card: json.RawMessage(`{"a":1}`),
		Facts: json.RawMessage(`{"b":"%s ' \" \u0000"}`), Fingerprint: "f", Known: json.RawMessage(`[1]`),
		Person: "alice-" + id, Own: true, Approvers: "lead or second",
		State: approval.Pending, AnswerMode: approval.Interactive, CreatedAt: start, ExpiresAt: start.Add(5 * time.Minute),
	}
}

// claimed is a record that needs no consent.
func claimed(id string) approval.Record {
	r := asked(id)
	r.State, r.Owner = approval.Executing, "process-1"
	return r
}

func row(decision audit.Decision) audit.Row {
	return audit.Row{At: start, Actor: "local:alice", Surface: "mcp", Operation: "servers.delete", Decision: decision}
}

func claim(id string) approval.Move {
	return approval.Move{
		ID: id, From: []approval.State{approval.Pending, approval.Approved}, To: approval.Executing,
		At: start.Add(time.Second), Live: true, Owner: "process-1",
	}
}

func move(id string, from, to approval.State) approval.Move {
	return approval.Move{ID: id, From: []approval.State{from}, To: to, At: start.Add(2 * time.Second)}
}

func inserted(t testing.TB, db database, r approval.Record) approval.Record {
	t.Helper()
	stored, joined, err := db.Insert(t.Context(), r, nil, row("asked"))
	require.NoError(t, err)
	require.False(t, joined)
	return stored
}

func moved(t testing.TB, db database, m approval.Move) approval.Record {
	t.Helper()
	r, err := db.Move(t.Context(), m, row("moved"))
	require.NoError(t, err)
	return r
}

func logLength(t testing.TB, db database) int {
	t.Helper()
	return len(rows(t, db, audit.Filter{}))
}

func rows(t testing.TB, db database, f audit.Filter) (out []audit.Row) {
	t.Helper()
	for row, err := range db.Rows(context.Background(), f) {
		require.NoError(t, err)
		out = append(out, row)
	}
	return out
}

func TestInsert(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		want := asked("1")
		want.CreatedAt, want.ExpiresAt, want.ChangedAt = ms(start), ms(want.ExpiresAt), ms(start)
		require.Equal(t, want, inserted(t, db, asked("1")))

		got, err := db.Record(t.Context(), "1")
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, audit.Asked, rows(t, db, audit.Filter{})[0].Decision)

		direct := inserted(t, db, claimed("2"))
		require.Equal(t, ms(start), direct.ClaimedAt)
		require.Equal(t, approval.State(""), direct.Prior)

		_, err = db.Record(t.Context(), "3")
		require.ErrorIs(t, err, approval.ErrNotFound)
	})
}

func TestInsertRefuses(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		inserted(t, db, asked("1"))
		anew := asked("1")
		anew.ArgsHash = "other"
		for name, r := range map[string]approval.Record{
			"no id": asked(""), "a state to begin with": {ID: "2", State: approval.Approved}, "an id in use": anew,
		} {
			_, _, err := db.Insert(t.Context(), r, nil, row("asked"))
			require.Error(t, err, name)
		}
		_, _, err := db.Insert(t.Context(), asked("2"), nil, audit.Row{})
		require.ErrorContains(t, err, "no time", "nothing happens without its row")
		_, err = db.Record(t.Context(), "2")
		require.ErrorIs(t, err, approval.ErrNotFound)
		require.Equal(t, 1, logLength(t, db))
	})
}

func TestInsertJoins(t *testing.T) {
	same := map[string]func(*approval.Record){
		"the same":                      func(*approval.Record) {},
		"another session":               func(r *approval.Record) { r.Session, r.Surface = "s2", "terminal" },
		"with consent no longer needed": func(r *approval.Record) { r.State = approval.Executing },
	}
	other := map[string]func(*approval.Record){
		"another actor":     func(r *approval.Record) { r.Actor = "local:bob" },
		"another account":   func(r *approval.Record) { r.Account = "b@example.com" },
		"another API":       func(r *approval.Record) { r.API = "simulator" },
		"another operation": func(r *approval.Record) { r.Operation = "servers.stop" },
		"other arguments":   func(r *approval.Record) { r.ArgsHash = "other" },
	}
	conforms(t, func(t *testing.T, db database) {
		first := inserted(t, db, asked("1"))
		for name, change := range same {
			r := asked("1")
			r.ID = name
			change(&r)
			stored, joined, err := db.Insert(t.Context(), r, nil, row("asked"))
			require.NoError(t, err, name)
			require.True(t, joined, name)
			require.Equal(t, first, stored, name)
		}
		require.Equal(t, 1, logLength(t, db))
		for name, change := range other {
			r := asked("1")
			r.ID = name
			change(&r)
			inserted(t, db, r)
		}
	})
}

func TestInsertJoinsOpenStatesOnly(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		for i, path := range paths() {
			id := fmt.Sprint(i)
			r := walk(t, db, id, path)
			again := asked(id)
			again.ID, again.CreatedAt = "again-"+id, start.Add(time.Hour) // after the pause that follows a no
			stored, joined, err := db.Insert(t.Context(), again, nil, row("asked"))
			require.NoError(t, err)
			require.Equal(t, r.State.IsOpen(), joined, path)
			require.Equal(t, map[bool]string{true: id, false: again.ID}[joined], stored.ID, path)
		}
	})
}
