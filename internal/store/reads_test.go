package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
)

func TestFind(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		findable(t, db)
		for name, c := range map[string]struct {
			query approval.Query
			want  []string
		}{
			"all, newest first": {approval.Query{}, []string{"4", "3", "2", "1"}},
			"the newest":        {approval.Query{Limit: 1}, []string{"4"}},
			"states":            {approval.Query{States: approval.Holding}, []string{"3"}},
			"several states":    {approval.Query{States: approval.Open}, []string{"4", "3", "2"}},
			"actor":             {approval.Query{Actor: "local:bob"}, []string{"2"}},
			"API":               {approval.Query{API: "simulator"}, []string{"2"}},
			"account":           {approval.Query{Account: "b@example.com"}, []string{"3"}},
			"operation":         {approval.Query{Operation: "servers.stop"}, []string{"4"}},
			"ids":               {approval.Query{IDs: []string{"4", "2", "5"}}, []string{"2", "4"}},
			"as asked":          {approval.Query{Hashes: []string{"asked-3"}}, []string{"3"}},
			"as resolved":       {approval.Query{Hashes: []string{"args-3"}}, []string{"3"}},
			"untold":            {approval.Query{Undelivered: true}, []string{"4", "3", "2"}},
			"changed since":     {approval.Query{Since: ms(start.Add(2 * time.Second))}, []string{"1"}},
			"all at once":       {approval.Query{States: approval.Open, API: asked("").API, Account: asked("").Account, Actor: asked("4").Actor, Operation: "servers.stop", Hashes: []string{"args-4"}, Undelivered: true, Limit: 9}, []string{"4"}},
			"nothing":           {approval.Query{Actor: "local:nobody"}, nil},
		} {
			got, err := db.Find(t.Context(), c.query)
			require.NoError(t, err, name)
			require.Equal(t, c.want, ids(got), name)
		}
	})
}

// findable stores four records of which three were made in the same millisecond.
func findable(t *testing.T, db database) {
	t.Helper()
	for i, change := range []func(*approval.Record){
		func(*approval.Record) {},
		func(r *approval.Record) { r.Actor, r.API = "local:bob", "simulator" },
		func(r *approval.Record) { r.State, r.Account = approval.Executing, "b@example.com" },
		func(r *approval.Record) {
			r.Operation, r.Session, r.CreatedAt = "servers.stop", "s2", start.Add(time.Millisecond)
		},
	} {
		r := asked(fmt.Sprint(i + 1))
		change(&r)
		inserted(t, db, r)
	}
	moved(t, db, move("1", approval.Pending, approval.Denied))
	_, err := db.MarkDelivered(t.Context(), "1", start)
	require.NoError(t, err)
}

func ids(records []approval.Record) (out []string) {
	for _, r := range records {
		out = append(out, r.ID)
	}
	return out
}

func TestRows(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		noted(t, db, 5)
		for name, c := range map[string]struct {
			filter audit.Filter
			want   []int64
		}{
			"all, newest last": {audit.Filter{}, []int64{1, 2, 3, 4, 5}},
			"newest two":       {audit.Filter{Limit: 2}, []int64{4, 5}},
			"more than all":    {audit.Filter{Limit: 9}, []int64{1, 2, 3, 4, 5}},
			"glob":             {audit.Filter{Operation: "op.*"}, []int64{1, 2, 3, 4, 5}},
			"newest of some":   {audit.Filter{Actor: "odd", Limit: 2}, []int64{3, 5}},
			"newest of a glob": {audit.Filter{Operation: "*.[12]", Limit: 1}, []int64{2}},
			"approval":         {audit.Filter{Approval: "a2"}, []int64{2}},
			"decision":         {audit.Filter{Decision: "d3"}, []int64{3}},
			"outcome":          {audit.Filter{Outcome: "o4"}, []int64{4}},
			"operation":        {audit.Filter{Operation: "op.4", Limit: 1}, []int64{4}},
			"part of a target": {audit.Filter{Target: ":5 (w", Limit: 1}, []int64{5}},
			"after":            {audit.Filter{After: 3}, []int64{4, 5}},
			"newest after":     {audit.Filter{After: 3, Limit: 1}, []int64{5}},
			"since":            {audit.Filter{Since: ms(start).Add(3 * time.Second)}, []int64{3, 4, 5}},
			"until":            {audit.Filter{Until: ms(start).Add(3 * time.Second)}, []int64{1, 2}},
			"just until":       {audit.Filter{Until: ms(start).Add(3*time.Second + 1)}, []int64{1, 2, 3}},
			"nothing":          {audit.Filter{Actor: "nobody"}, nil},
		} {
			var got []int64
			for _, row := range rows(t, db, c.filter) {
				got = append(got, row.Seq)
			}
			require.Equal(t, c.want, got, name)
		}
	})
}

// noted appends n rows that differ in every field a filter looks at.
func noted(t *testing.T, db database, n int) {
	t.Helper()
	for i := 1; i <= n; i++ {
		require.NoError(t, db.Note(t.Context(), audit.Row{
			At: start.Add(time.Duration(i) * time.Second), Actor: []string{"even", "odd"}[i%2], Operation: fmt.Sprint("op.", i),
			Approval: fmt.Sprint("a", i), Decision: audit.Decision(fmt.Sprint("d", i)), Outcome: audit.Outcome(fmt.Sprint("o", i)),
			Target: fmt.Sprintf("server:%d (web)", i), Reason: "\x00\xff '\";--", Arguments: []byte(`{"a":"\u0000"}`),
		}))
	}
}

func TestRowsOverPages(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		noted(t, db, 2001) // two full pages and one row
		require.Len(t, rows(t, db, audit.Filter{}), 2001)
		require.EqualValues(t, 1, rows(t, db, audit.Filter{Limit: 2001})[0].Seq)
		require.EqualValues(t, 1, rows(t, db, audit.Filter{Operation: "op.1", Limit: 3})[0].Seq)
		for row := range db.Rows(t.Context(), audit.Filter{}) { // breaking off, with a write in between
			require.EqualValues(t, 1, row.Seq)
			require.NoError(t, db.Note(t.Context(), audit.Row{At: start}))
			break
		}
		for row := range db.Rows(t.Context(), audit.Filter{Limit: 2}) {
			require.EqualValues(t, 2001, row.Seq)
			break
		}
	})
}

func TestRowsFail(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	conforms(t, func(t *testing.T, db database) {
		noted(t, db, 1)
		for name, c := range map[string]struct {
			ctx    context.Context
			filter audit.Filter
			want   string
		}{
			"malformed glob": {t.Context(), audit.Filter{Operation: "["}, `operation "[": syntax error in pattern`},
			"cancelled":      {cancelled, audit.Filter{}, "context canceled"},
			"newest":         {cancelled, audit.Filter{Limit: 1}, "context canceled"},
		} {
			n := 0
			for _, err := range db.Rows(c.ctx, c.filter) {
				require.ErrorContains(t, err, c.want, name)
				n++
			}
			require.Equal(t, 1, n, name)
		}
	})
}
