package store_test

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/store/storetest"
	"github.com/vpsbot/vpsbot/internal/testkit/bigstore"
)

// A change reads as much of a store in which little has ended as of one in which much has: an index may become a
// level deeper, no more. What has ended is of the same person, of the same arguments, untold and within the hour.
func TestAChangeReadsTheSameHoweverMuchHasEnded(t *testing.T) {
	fresh, old := pagesOfAChange(t, 400), pagesOfAChange(t, 4_000)
	t.Log(fresh, "and", old, "pages")
	require.Less(t, float64(old), 1.5*float64(fresh))
}

// pagesOfAChange is how many pages of the file a change reads, cached or not, after so many have ended.
func pagesOfAChange(t *testing.T, ended int) int {
	url := storetest.SQLite(t)
	db := open(t, url)
	first := oneChange(t, db, "first", start)
	require.NoError(t, db.Close()) // its file is filled alone
	bigstore.Multiply(t, url, bigstore.Copies{ID: first.ID, N: ended, Older: 100 * time.Millisecond})
	bigstore.Fill(t, url, bigstore.Size{Ended: ended, Rows: ended, Now: start, API: first.API, Account: first.Account, Actor: first.Actor})
	db = open(t, url)
	_, err := db.MarkDelivered(t.Context(), first.ID, start)
	require.NoError(t, err)
	oneChange(t, db, "second", start.Add(time.Second)) // statements are prepared
	before := pagesRead(t, db)
	oneChange(t, db, "third", start.Add(2*time.Second))
	return pagesRead(t, db) - before
}

// oneChange makes the calls that the Runner makes for a change that needs nobody's consent.
func oneChange(t *testing.T, db *store.Store, id string, now time.Time) approval.Record {
	r := claimed(id)
	r.Actor, r.Person, r.CreatedAt, r.ExpiresAt = "local:alice", "alice", now, now.Add(time.Hour)
	if id == "first" { // what it is like has no limit
		r.Operation, r.Risk = "servers.update", "change"
	}
	limits := []approval.Limit{ // within which there are others, but not of what they count
		{Name: "deletions", Suffix: ".delete", Most: 3, Within: 30 * time.Second},
		{Name: "destructive", Risk: "destructive", Person: "alice", Most: 10, Within: 30 * time.Second},
	}
	_, err := db.Frozen(t.Context())
	require.NoError(t, err)
	_, err = db.Unsettled(t.Context(), r.API, r.Account, now)
	require.NoError(t, err)
	missed := approval.Query{
		Actor: r.Actor, API: r.API, Account: r.Account, Operation: r.Operation, Hashes: []string{r.AskedHash, r.ArgsHash},
		Undelivered: true, Since: now.Add(-time.Hour),
	}
	for range 2 {
		found, err := db.Find(t.Context(), missed)
		require.NoError(t, err)
		require.Empty(t, found)
	}
	_, _, err = db.Insert(t.Context(), r, limits, row("allowed"))
	require.NoError(t, err)
	_, err = db.Find(t.Context(), missed)
	require.NoError(t, err)
	_, err = db.Record(t.Context(), id)
	require.NoError(t, err)
	done := move(id, approval.Executing, approval.Done)
	done.At = now
	return moved(t, db, done)
}

func pagesRead(t *testing.T, db *store.Store) (pages int) {
	t.Helper()
	for _, pool := range db.Pools() {
		var conns []*sql.Conn
		for range pool.Stats().OpenConnections {
			conn, err := pool.Conn(t.Context())
			require.NoError(t, err)
			conns = append(conns, conn)
			require.NoError(t, conn.Raw(func(driver any) error {
				of, ok := driver.(interface {
					Status(op sqlite.DBStatusOp, reset bool) (current, high int, err error)
				})
				if !ok {
					return fmt.Errorf("%T says nothing of its cache", driver)
				}
				for _, op := range []sqlite.DBStatusOp{sqlite.DBStatusCacheHit, sqlite.DBStatusCacheMiss} {
					n, _, err := of.Status(op, false)
					if err != nil {
						return err
					}
					pages += n
				}
				return nil
			}))
		}
		for _, conn := range conns {
			require.NoError(t, conn.Close())
		}
	}
	return pages
}
