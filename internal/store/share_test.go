package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// share takes what is left in the inbox and what posts are due until there is nothing, and
// prints their names.
func share(db database, name string) error {
	ctx, now := context.Background(), start.Add(pastLease)
	var got []string
	for {
		left, err := db.ClaimExpired(ctx, name, now, 3)
		if err != nil {
			return err
		}
		due, err := db.DuePosts(ctx, name, now, 2)
		if err != nil {
			return err
		}
		if len(left)+len(due) == 0 {
			return json.NewEncoder(os.Stdout).Encode(got)
		}
		got = append(got, idsOf(left)...)
		for _, p := range due {
			got = append(got, p.Key)
		}
	}
}

// Three processes take at once: together they get everything, and nothing twice.
func TestProcessesShare(t *testing.T) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			const n = 200
			url := engine(t)
			db := open(t, url)
			want := idsOf(deliveries(n, 0))
			received(t, db, 0, deliveries(n, 0)...)
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

			// Who had it is gone: after a minute all of it is there again.
			require.Len(t, leftover(t, db, "p", 2*pastLease, 2*n), n)
			require.Len(t, due(t, db, "p", 2*pastLease, 2*n), n)
		})
	}
}
