package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// share claims what is left in the inbox and what posts are due, and finishes it, until there is nothing.
// It prints the names.
func share(db database, _ string) error {
	ctx, now := context.Background(), start.Add(pastLease)
	var got []string
	for {
		left, err := db.ClaimExpired(ctx, now, 3)
		if err != nil {
			return err
		}
		due, err := db.DuePosts(ctx, now, 2)
		if err != nil {
			return err
		}
		if len(left)+len(due) == 0 {
			return json.NewEncoder(os.Stdout).Encode(got)
		}
		got = append(got, idsOf(left)...)
		if err := db.Ack(ctx, idsOf(left)); err != nil {
			return err
		}
		for _, p := range due {
			got = append(got, p.Key)
			p.Next = time.Time{}
			if err := db.SavePost(ctx, p); err != nil {
				return err
			}
		}
	}
}

// Three processes take at once: together they get everything, and nothing twice.
func TestProcessesShare(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		const n = 200
		db := open(t, url)
		want := idsOf(deliveries(n, 0))
		gone := open(t, url)
		received(t, gone, 0, deliveries(n, 0)...)
		require.NoError(t, gone.Close())
		for i := range n {
			added(t, db, post(fmt.Sprint(i), 0))
			want = append(want, post(fmt.Sprint(i), 0).Key)
		}
		var got []string
		for _, printed := range together(t, 3, "share", url) {
			var some []string
			require.NoError(t, json.Unmarshal([]byte(printed), &some), printed)
			got = append(got, some...)
		}
		slices.Sort(got)
		slices.Sort(want)
		require.Equal(t, want, got)
		require.Empty(t, leftover(t, db, time.Hour, n))
		require.Empty(t, due(t, db, time.Hour, n))
	})
}
