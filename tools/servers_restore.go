package tools

import (
	"cmp"
	"context"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
)

type restoreIn struct {
	Server   string       `json:"server" doc:"Server id or exact name"`
	BackupID apiclient.ID `json:"backup_id" doc:"A backup of this server: id, latest, yesterday or a day (2026-11-29)" list:"backups.list"`
}

var _ = register(Operation[restoreIn, apiclient.ActionResult]{
	Meta: Meta{
		Name: "servers.restore", Title: "Restore a server from a backup", Past: "restored %s from a backup",
		Description: "Overwrites a server's data with one of its backups. Cannot be undone.",
		Request:     "POST /servers/{id}/restore/",
		Needs:       permissions.AnyOf("servers:backup"), Risk: permissions.Destructive, Resource: ServerBackup,
	},
	Effect: func(t Target, in restoreIn) string {
		return "Overwrites all data of " + t.ServerLabel() + " with backup " + in.BackupID.String() + t.MadeAt() + "; what came later is lost."
	},
	Warn:     func(Target, restoreIn) []string { return []string{"The server may be stopped while it is restored."} },
	Examples: []restoreIn{{Server: "web-server-01", BackupID: exampleID("501")}},
	Call: func(ctx context.Context, c *apiclient.Client, t Target, in restoreIn) (apiclient.ActionResult, error) {
		return c.Servers.Restore(ctx, t.ID, cmp.Or(t.Item.ID, in.BackupID)) // one that was read has the API's own form
	},
	Evidence: statusIs[restoreIn](Unclear, "restoring"),
	Follow:   FollowServer,
})
