package tools

import (
	"context"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
)

type backupFilter struct {
	Server     string `json:"server,omitzero" doc:"Of this server: id or exact name"`
	BackupType string `json:"backup_type,omitzero" rule:"code" doc:"manual or automatic"`
}

type backupRow struct {
	ID          apiclient.ID     `json:"id"`
	Server      string           `json:"server"`
	BackupType  string           `json:"backup_type"`
	Status      string           `json:"status"`
	SizeMB      apiclient.Amount `json:"size_mb"`
	CreatedAt   apiclient.Time   `json:"created_at"`
	ExpiresAt   apiclient.Time   `json:"expires_at"`
	Description string           `json:"description"`
}

var _ = register(dated(ofServer(Listed(Operation[backupFilter, Listing[apiclient.Backup]]{
	Meta: Meta{
		Name: "backups.list", Title: "List backups",
		Description: "Lists backups of all servers or of one, newest first.",
		Request:     "GET /backups/",
		Needs:       permissions.AnyOf("backups:list"), Risk: permissions.Read, Resource: ServerFilter,
	},
	Examples: []backupFilter{{}, {Server: "web-server-01", BackupType: "manual"}},
}, func(ctx context.Context, c *apiclient.Client, t Target, in backupFilter) ([]apiclient.Backup, error) {
	return c.Backups.List(ctx, apiclient.BackupFilter{ServerID: t.Server.ID, Type: in.BackupType})
}, func(b apiclient.Backup) backupRow {
	return backupRow{b.ID, refName(b.Server), b.BackupType, b.Status, b.SizeMB, b.CreatedAt, b.ExpiresAt, b.Description}
}), func(b apiclient.Backup) (apiclient.ID, string) { return b.Server.ID, b.Server.Name }), func(b apiclient.Backup) Choice {
	return Choice{ID: b.ID, Made: b.CreatedAt.Time, Ready: b.Status == completed}
}))
