package store_test

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
)

// named is a request of alice's that she gave a name to.
func named(id, request string, after time.Duration) approval.Record {
	r := questionBy(id, after)
	r.RequestID = request
	return r
}

func TestRequestIDs(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		done := ended(t, db)
		for name, change := range map[string]func(*approval.Record){
			"the same":                      func(*approval.Record) {},
			"the name means another id now": func(r *approval.Record) { r.ArgsHash = "resolved otherwise" },
			"asked by id this time":         func(r *approval.Record) { r.AskedHash = "by id" },
			"with no consent":               func(r *approval.Record) { r.State = approval.Executing },
			"a day later, just":             func(r *approval.Record) { r.CreatedAt = start.Add(24*time.Hour - time.Millisecond) },
		} {
			r := named("1", "r1", time.Hour)
			r.ID = name
			change(&r)
			got, joined, err := db.Insert(t.Context(), r, nil, row("asked"))
			require.NoError(t, err, name)
			require.True(t, joined, name)
			require.Equal(t, done, got, name)
		}
	})
}

// ended is a request of alice's, "r1", that was carried out.
func ended(t testing.TB, db database) approval.Record {
	t.Helper()
	inserted(t, db, named("1", "r1", 0))
	moved(t, db, claim("1"))
	return moved(t, db, move("1", approval.Executing, approval.Done))
}

func TestRequestIDOfAnotherRequest(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		done := ended(t, db)
		for name, change := range map[string]func(*approval.Record){
			"other arguments":   func(r *approval.Record) { r.ArgsHash, r.AskedHash = "other", "other" },
			"nothing asked":     func(r *approval.Record) { r.ArgsHash, r.AskedHash = "other", "" },
			"another operation": func(r *approval.Record) { r.Operation = "servers.stop" },
		} {
			r := named("1", "r1", time.Hour)
			r.ID = name
			change(&r)
			_, _, err := db.Insert(t.Context(), r, nil, row("asked"))
			var request *approval.RequestError
			require.ErrorAs(t, err, &request, name)
			require.Equal(t, done, request.Record, name)
		}
		require.Equal(t, 3, logLength(t, db))
		for name, change := range map[string]func(*approval.Record){
			"another's":      byBob,
			"another API":    func(r *approval.Record) { r.API = "simulator" },
			"another name":   func(r *approval.Record) { r.RequestID = "r2" },
			"a day later":    func(r *approval.Record) { r.ArgsHash, r.CreatedAt = "later", start.Add(24*time.Hour) },
			"without a name": func(r *approval.Record) { r.RequestID, r.ArgsHash = "", "third" },
		} {
			r := named("1", "r1", time.Hour)
			r.ID = name
			change(&r)
			inserted(t, db, r)
		}
	})
}

// The name of a request that joined another's record stands for that record when it has ended.
func TestRequestIDOfAJoin(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		inserted(t, db, questionBy("1", 0))
		for _, name := range []string{"r1", "r2"} {
			r := named("1", name, time.Second)
			r.ID = name
			_, joined, err := db.Insert(t.Context(), r, nil, row("asked"))
			require.NoError(t, err)
			require.True(t, joined)
		}
		moved(t, db, claim("1"))
		done := moved(t, db, move("1", approval.Executing, approval.Done))
		for _, name := range []string{"r1", "r2"} {
			r := named("1", name, time.Hour)
			r.ID = "again " + name
			got, joined, err := db.Insert(t.Context(), r, nil, row("asked"))
			require.NoError(t, err)
			require.True(t, joined, name)
			require.Equal(t, done, got)
		}
	})
}

func TestRequestIDsAreBounded(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		inserted(t, db, named("1", strings.Repeat("x", 256), 0))
		_, _, err := db.Insert(t.Context(), named("2", strings.Repeat("x", 257), 0), nil, row("asked"))
		require.ErrorContains(t, err, "at most 256")
	})
}

func TestRequested(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		done := ended(t, db)
		joined := named("1", "of a join", time.Second)
		joined.ID, joined.ArgsHash = "2", "other"
		inserted(t, db, joined)
		later := joined
		later.ID, later.RequestID = "3", "joins"
		waiting, _, err := db.Insert(t.Context(), later, nil, row("asked"))
		require.NoError(t, err)
		for name, c := range map[string]struct {
			api, account, actor, id string
			after                   time.Duration
			want                    approval.Record // its ID empty: none
		}{
			"at once":         {id: "r1", want: done},
			"just in time":    {id: "r1", after: 24*time.Hour - time.Millisecond, want: done},
			"a day later":     {id: "r1", after: 24 * time.Hour},
			"a join":          {id: "joins", want: waiting},
			"never given":     {id: "r2"},
			"no name":         {},
			"another's":       {id: "r1", actor: "local:bob"},
			"another account": {id: "r1", account: "b@example.com"},
			"another API":     {id: "r1", api: "simulator"},
		} {
			got, err := db.Requested(t.Context(), cmp.Or(c.api, done.API), cmp.Or(c.account, done.Account), cmp.Or(c.actor, done.Actor), c.id, start.Add(c.after))
			if c.want.ID == "" {
				require.ErrorIs(t, err, approval.ErrNotFound, name)
				continue
			}
			require.NoError(t, err, name)
			require.Equal(t, c.want, got, name)
		}
	})
}
