package tools

import (
	"context"
	"slices"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
)

type newBackupIn struct {
	Server      string `json:"server" doc:"Server id or exact name"`
	Description string `json:"description,omitzero" rule:"text"`
}

var _ = register(Operation[newBackupIn, apiclient.Backup]{
	Meta: Meta{
		Name: "backups.create", Title: "Back up a server", Past: "backed up %s",
		Description: "Makes a manual backup, at most 10 a server.",
		Request:     "POST /backups/",
		Needs:       permissions.AnyOf("servers:backup", "backups:create"), Risk: permissions.Change, Resource: ServerCopy, Undo: "backups.delete",
		CandidatesNeed: "backups:list",
	},
	Effect:   func(t Target, _ newBackupIn) string { return "Makes a manual backup of " + t.ServerLabel() + "." },
	Examples: []newBackupIn{{Server: "web-server-01", Description: "Pre-deployment backup"}},
	Call: func(ctx context.Context, c *apiclient.Client, t Target, in newBackupIn) (apiclient.Backup, error) {
		return c.Backups.Create(ctx, apiclient.CreateBackup{ServerID: t.ID, Description: in.Description})
	},
	Candidates: func(ctx context.Context, c *apiclient.Client, t Target, in newBackupIn) ([]apiclient.Backup, error) {
		backups, err := listBackups(ctx, c, t.ID)
		return slices.DeleteFunc(backups, func(b apiclient.Backup) bool { // automatic ones come by themselves
			return !b.Server.ID.Equal(t.ID) || SameName(b.BackupType, "automatic") ||
				b.Description != "" && !SameName(b.Description, in.Description) // the API may not show it
		}), err
	},
	Follow: followIn(listBackups),
})
