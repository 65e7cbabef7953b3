package app

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sethvargo/go-envconfig"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store/storetest"
)

// A process that serves prunes within its first hour, and says so in one line.
func TestMaintainPrunes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vpsbot.db")
	storetest.Place(t, path)
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		env := NewEnvironment(envconfig.MapLookuper(map[string]string{
			"VPS_API_TOKEN": "vps_demo", "VPS_API_URL": "simulator", "VPSBOT_DATABASE_URL": "sqlite:" + path,
		}), &log)
		a, err := New(t.Context(), env)
		require.NoError(t, err)
		defer a.Store.Close()
		db, err := a.Store.Open(t.Context())
		require.NoError(t, err)
		now, err := db.Now(t.Context())
		require.NoError(t, err)
		for week := range 16 {
			at := now.Add(-time.Duration(week) * 7 * 24 * time.Hour)
			row := audit.Row{At: at, Actor: "local:alice", Operation: "servers.stop", Decision: audit.Allowed}
			r, _, err := db.Insert(t.Context(), approval.Record{ID: fmt.Sprint("r", week), State: approval.Executing, CreatedAt: at, Target: fmt.Sprint("server:", week)}, nil, row)
			require.NoError(t, err)
			_, err = db.Move(t.Context(), approval.Move{ID: r.ID, From: []approval.State{approval.Executing}, To: approval.Done, At: at}, row)
			require.NoError(t, err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan bool)
		go func() { a.maintain(ctx); close(ended) }()
		time.Sleep(pruneEvery + time.Minute)
		stop()
		<-ended
		left, err := db.Find(t.Context(), approval.Query{})
		require.NoError(t, err)
		require.Len(t, left, 13, "of the last ninety days")
		require.Equal(t, 1, bytes.Count(log.Bytes(), []byte("deleted what ended long ago")), log.String())
		require.Contains(t, log.String(), "approvals=3")
	})
}
