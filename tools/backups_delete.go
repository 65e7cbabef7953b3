package tools

import (
	"context"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
)

var _ = register(Operation[backupIn, None]{
	Meta: Meta{
		Name: "backups.delete", Title: "Delete a backup", Past: "deleted %s",
		Description: "Deletes a backup for good.",
		Request:     "DELETE /backups/{id}/",
		Needs:       permissions.AnyOf("backups:delete"), Risk: permissions.Destructive, Resource: Backup,
	},
	Effect: func(t Target, _ backupIn) string {
		return "Deletes backup " + t.ID.String() + " of " + t.ServerLabel() + t.MadeAt() + " for good."
	},
	Examples: []backupIn{{BackupID: exampleID("499")}},
	Call: func(ctx context.Context, c *apiclient.Client, t Target, _ backupIn) (None, error) {
		return None{}, c.Backups.Delete(ctx, t.ID)
	},
	Evidence: goneFrom[backupIn](listBackups),
})
