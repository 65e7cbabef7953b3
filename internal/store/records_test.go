package store

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
)

// What every change looks for is found through an index that has little of what has ended.
func TestFindSearches(t *testing.T) {
	s := opened(t)
	unfinished := approval.Query{States: approval.Open, API: "a", Account: "b"}
	mine := approval.Query{API: "a", Account: "b", Actor: "c", Operation: "d", Hashes: []string{"e"}}
	untold, open, holding := mine, mine, mine
	untold.Undelivered, untold.Since = true, time.UnixMilli(1)
	open.States, holding.States = approval.Open, approval.Holding
	for name, c := range map[string]struct {
		statement statement
		want      string
	}{
		"what is open":          {find(unfinished), "approvals_open (api=? AND account=?)"},
		"of mine, what is open": {find(open), "approvals_open (api=? AND account=? AND actor=? AND operation=?)"},
		"of mine, what holds":   {find(holding), "approvals_open (api=? AND account=? AND actor=? AND operation=?)"},
		"of mine, what is new":  {find(untold), "approvals_untold_args (actor=? AND args_hash=? AND changed_at>?)"},
		"what is not settled":   {statement{selectUnsettled, make([]any, 5)}, "approvals_due (api=? AND account=? AND expires_at<?)"},
		"what changed lately":   {find(approval.Query{API: "a", Account: "b", Since: time.UnixMilli(1)}), "approvals_changed (changed_at>?)"},
		"questions of a person": {statement{selectQuestions, make([]any, 4)}, "approvals_questions (api=? AND account=? AND person=? AND expires_at>?)"},
		"a no to a person":      {statement{selectDenied, make([]any, 6)}, "approvals_denied (api=? AND account=? AND person=? AND operation=? AND args_hash=? AND changed_at>?)"},
	} {
		require.Contains(t, plan(t, s, c.statement), "SEARCH approvals USING INDEX "+c.want, name)
	}
}

func opened(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "vpsbot.db"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() }) // which may fail once a file is gone
	return s
}

type statement struct {
	query string
	args  []any
}

func find(q approval.Query) statement {
	query, args := (&engine{}).findQuery(q)
	return statement{query, args}
}

// plan is how SQLite would run a statement, step by step.
func plan(t *testing.T, s *Store, of statement) (steps []string) {
	t.Helper()
	rows, err := s.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+of.query, storable(of.args)...)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var step string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &step))
		steps = append(steps, step)
	}
	require.NoError(t, rows.Err())
	return steps
}
