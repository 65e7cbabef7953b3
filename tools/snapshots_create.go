package tools

import (
	"context"
	"slices"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

type newSnapshotIn struct {
	Server      string `json:"server" doc:"Server id or exact name"`
	Name        string `json:"name" rule:"snapshot" doc:"Letters, digits, - and _"`
	Description string `json:"description,omitzero" rule:"text"`
}

var _ = register(Operation[newSnapshotIn, apiclient.Snapshot]{
	Meta: Meta{
		Name: "snapshots.create", Title: "Take a snapshot of a server", Past: "took a snapshot of %s",
		Description: "Takes a snapshot, at most 5 a server. Stop the server first for a consistent disk.",
		Request:     "POST /snapshots/",
		Needs:       permissions.AnyOf("servers:snapshot", "snapshots:create"), Risk: permissions.Change, Resource: ServerCopy, Undo: "snapshots.delete",
		CandidatesNeed: "snapshots:list",
	},
	Effect: func(t Target, in newSnapshotIn) string {
		return "Takes the snapshot " + text.Quote(in.Name) + " of " + t.ServerLabel() + "."
	},
	Warn: func(t Target, _ newSnapshotIn) []string {
		if t.Server.Status != "active" {
			return nil
		}
		return []string{"The server is running: its files may be caught in the middle of a write."}
	},
	Examples: []newSnapshotIn{{Server: "web-server-01", Name: "nightly-b", Description: "Example"}},
	Call: func(ctx context.Context, c *apiclient.Client, t Target, in newSnapshotIn) (apiclient.Snapshot, error) {
		return c.Snapshots.Create(ctx, apiclient.CreateSnapshot{ServerID: t.ID, Name: in.Name, Description: in.Description})
	},
	Candidates: func(ctx context.Context, c *apiclient.Client, t Target, in newSnapshotIn) ([]apiclient.Snapshot, error) {
		snapshots, err := listSnapshots(ctx, c, t.ID)
		return slices.DeleteFunc(snapshots, func(s apiclient.Snapshot) bool {
			return !s.Server.ID.Equal(t.ID) || !SameName(s.Name, in.Name)
		}), err
	},
	Follow: followIn(listSnapshots),
})
