package store_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/store/pgtest"
)

// restarted is a server with a setting that it reads as it starts.
func restarted(t *testing.T, setting string) *pgtest.Server {
	t.Helper()
	server := pgtest.Start(t)
	execute(t, server.URL(), "ALTER SYSTEM SET "+setting)
	server.Crash()
	require.NoError(t, server.Restart())
	return server
}

// As many replicas as there are three connections for work on one server: one after the other begins, under
// load from then on, and no change of any fails.
func TestReplicasShareConnections(t *testing.T) {
	replicas, connections := 8, 28 // three are for superusers, such as this test
	if os.Getenv("VPSBOT_BENCH") == "full" {
		replicas, connections = 32, 100
	}
	server := restarted(t, fmt.Sprint("max_connections = ", connections))
	execute(t, server.URL(), "CREATE ROLE plain LOGIN")
	execute(t, server.URL(), "GRANT ALL ON SCHEMA public TO plain")
	url := strings.Replace(server.URL(), "postgres://postgres", "postgres://plain", 1)
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	var dbs []database
	for range replicas {
		db := open(t, url)
		_, err := db.Hold(t.Context())
		require.NoError(t, err)
		dbs = append(dbs, db)
		for range 2 {
			load.Go(func() {
				for ctx.Err() == nil {
					require.NoError(t, db.Note(t.Context(), row("noted")))
					_, err := db.Frozen(t.Context())
					require.NoError(t, err)
				}
			})
		}
	}
	time.Sleep(time.Second)
	for i, db := range dbs {
		require.NoError(t, changeOnce(t.Context(), db, fmt.Sprint("last-", i)))
	}
	stop()
	load.Wait()
}
