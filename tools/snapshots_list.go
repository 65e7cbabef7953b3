package tools

import (
	"context"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
)

type snapshotFilter struct {
	Server string `json:"server,omitzero" doc:"Of this server: id or exact name"`
}

type snapshotRow struct {
	ID          apiclient.ID     `json:"id"`
	Server      string           `json:"server"`
	Name        string           `json:"name"`
	Status      string           `json:"status"`
	SizeMB      apiclient.Amount `json:"size_mb"`
	CreatedAt   apiclient.Time   `json:"created_at"`
	Description string           `json:"description"`
}

var _ = register(dated(ofServer(Listed(Operation[snapshotFilter, Listing[apiclient.Snapshot]]{
	Meta: Meta{
		Name: "snapshots.list", Title: "List snapshots",
		Description: "Lists snapshots of all servers or of one, newest first.",
		Request:     "GET /snapshots/",
		Needs:       permissions.AnyOf("snapshots:list"), Risk: permissions.Read, Resource: ServerFilter,
	},
	Examples: []snapshotFilter{{}, {Server: "web-server-01"}},
}, func(ctx context.Context, c *apiclient.Client, t Target, _ snapshotFilter) ([]apiclient.Snapshot, error) {
	return c.Snapshots.List(ctx, apiclient.SnapshotFilter{ServerID: t.Server.ID})
}, func(s apiclient.Snapshot) snapshotRow {
	return snapshotRow{s.ID, refName(s.Server), s.Name, s.Status, s.SizeMB, s.CreatedAt, s.Description}
}), func(s apiclient.Snapshot) (apiclient.ID, string) { return s.Server.ID, s.Server.Name }), func(s apiclient.Snapshot) Choice {
	return Choice{ID: s.ID, Names: []string{s.Name}, Made: s.CreatedAt.Time, Ready: s.Status == completed}
}))
