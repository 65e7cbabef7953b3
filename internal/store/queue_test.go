package store

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/delivery"
)

// What is looked for every second, and with every delivery, is found without looking at the rest.
func TestQueuesSearch(t *testing.T) {
	s := opened(t)
	now := time.UnixMilli(1)
	of := func(query string, args []any) statement { return statement{query, args} }
	some := enqueueBatch{now: now, rows: []delivery.Delivery{{}}, conflict: ignoreConflict}
	for name, c := range map[string]struct {
		statement statement
		want      []string
	}{
		"what is left": {of(inbox.selectQuery("", holders{self: "p"}, now, 9)), []string{
			"SEARCH inbox USING COVERING INDEX inbox_left (leased_until<?)", "USE TEMP B-TREE FOR ORDER BY",
		}},
		"what the dead left":        {of(inbox.selectQuery("", holders{self: "p", gone: []string{"q"}}, now, 9)), []string{"SCAN inbox USING COVERING INDEX inbox_left", "USE TEMP B-TREE FOR ORDER BY"}},
		"what the dead had to show": {of(posts.selectQuery("", holders{self: "p", gone: []string{"q"}}, now, 9)), []string{"SEARCH posts USING INDEX posts_due (next>? AND next<?)"}},
		"who has something":         {of(inbox.owners("p")), []string{"SCAN inbox USING COVERING INDEX inbox_left", "USE TEMP B-TREE FOR DISTINCT"}},
		"who shows something":       {of(posts.owners("p")), []string{"SCAN posts USING INDEX posts_owner"}},
		"whom something names": {statement{selectNamed, []any{"p"}}, []string{
			"SCAN CONSTANT ROW", "SCALAR SUBQUERY 1", "SCAN approvals USING INDEX approvals_holder",
			"SCALAR SUBQUERY 2", "SCAN inbox USING COVERING INDEX inbox_left", "SCALAR SUBQUERY 3", "SEARCH posts USING COVERING INDEX posts_owner (owner=?)",
		}},
		"what is old": {of(s.deleteExpired(now)), []string{
			"SEARCH inbox USING COVERING INDEX sqlite_autoindex_inbox_1 (id=?)", "LIST SUBQUERY 1", "SEARCH inbox USING INDEX inbox_old (until<?)",
		}},
		"what is left, by id": {of(inbox.claimQuery("p", now, []string{"a"})), []string{"SEARCH inbox USING INDEX sqlite_autoindex_inbox_1 (id=?)"}},
		"what comes":          {of(some.statement(some.rows)), nil},
		"what is due":         {of(posts.selectQuery("", holders{self: "p"}, now, 9)), []string{"SEARCH posts USING INDEX posts_due (next>? AND next<?)"}},
		"what is due, by key": {of(posts.claimQuery("p", now, []string{"a"})), []string{"SEARCH posts USING INDEX sqlite_autoindex_posts_1 (key=?)"}},
		"of an approval":      {of(markDueQuery("a", now)), []string{"SEARCH posts USING INDEX posts_approval (approval=?)"}},
		"saved":               {of(savePostQuery(delivery.Post{})), []string{"SEARCH posts USING INDEX sqlite_autoindex_posts_1 (key=?)"}},
	} {
		require.Equal(t, c.want, plan(t, s, c.statement), name)
	}
}

// A delivery whose sender waits is stored before the other writes that wait.
func TestDeliveriesAreStoredFirst(t *testing.T) {
	s := opened(t)
	enqueue := func(id string) {
		_, err := s.Enqueue(t.Context(), time.UnixMilli(1), []delivery.Delivery{{ID: id, Until: time.UnixMilli(2)}})
		require.NoError(t, err)
	}
	enqueue("takes the lock of this process")
	release := make(chan struct{})
	var stored []bool // as each write begins
	write := func() {
		require.NoError(t, s.inTx(t.Context(), func(ctx context.Context, tx transaction) error {
			<-release
			urgent, err := exists(ctx, tx, "SELECT count(*) FROM inbox WHERE id = 'urgent'")
			stored = append(stored, urgent)
			return err
		}))
	}
	var all sync.WaitGroup
	for _, do := range []func(){write, write, write, func() { enqueue("urgent") }} {
		all.Go(do)
		time.Sleep(50 * time.Millisecond) // it waits
	}
	close(release)
	all.Wait()
	require.Equal(t, []bool{false, true, true}, stored)
}
