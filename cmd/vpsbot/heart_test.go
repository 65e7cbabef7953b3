package main

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/process"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/permissions"
)

func TestAlive(t *testing.T) {
	self, err := process.Self()
	require.NoError(t, err)
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "v.db"))
	require.NoError(t, err)
	now := time.Now()
	h := &heart{process: self, now: func() time.Time { return now }, log: slog.New(slog.DiscardHandler)}
	l := &lazyStore{heart: h, open: db}
	require.NoError(t, h.start(t.Context(), db))
	beaten, err := db.Beaten(t.Context(), self)
	require.NoError(t, err)
	require.Equal(t, now.UnixMilli(), beaten.UnixMilli(), "a process beats before it claims anything")

	const fresh, late, never = "pod-1/1/b.1", "pod-2/1/b.1", "pod-3/1/b.1"
	require.NoError(t, db.Beat(t.Context(), fresh, now.Add(-14*time.Second)))
	require.NoError(t, db.Beat(t.Context(), late, now.Add(-15*time.Second)))
	host, rest, _ := strings.Cut(self, "/")
	_, started, _ := strings.Cut(rest, "/")
	gone := host + "/999999999/" + started
	require.NoError(t, db.Beat(t.Context(), gone, now))
	for owner, want := range map[string]bool{self: true, gone: false, fresh: true, late: false, never: false} {
		require.Equal(t, want, l.alive(owner), owner)
	}
	require.True(t, (&lazyStore{}).alive(never), "on SQLite nothing is said of other machines")
	require.NoError(t, l.close())
	require.True(t, l.alive(never), "a store that cannot be asked says nothing")
}

// The policy is asked by what the record was asked for, groups and all.
func TestAskAbout(t *testing.T) {
	ask := askAbout(approval.Record{
		Actor: "slack:U1", Surface: "slack:C1 S1 S2", Operation: "servers.update", Risk: "change",
		Facts: []byte(`{"id":"7","name":"web-1","status":"active"}`), Input: []byte(`{"name":"db-1","server":"7"}`),
	})
	require.Equal(t, permissions.Ask{
		Actor: "slack:U1", Groups: []string{"S1", "S2"}, Surface: permissions.Slack, Channel: "C1", Operation: "servers.update", Risk: permissions.Change,
		Target: &permissions.TargetServer{ID: "7", Name: "web-1"}, NewName: "db-1",
	}, ask)
	snapshot := askAbout(approval.Record{Surface: "mcp", Operation: "snapshots.create", Input: []byte(`{"name":"before"}`)})
	require.Empty(t, snapshot.NewName, "the name of a snapshot is no server's")
}

func TestQuorumInWords(t *testing.T) {
	rec := approval.Record{Actor: "key:lead-laptop", Approvers: "oncall"}
	require.Equal(t, "key:lead-laptop, who asked; and another person (oncall)", quorum{own: true, others: 1}.of(rec))
	require.Equal(t, "2 other people (whoever may do this there)", quorum{others: 2}.of(approval.Record{}))
}
