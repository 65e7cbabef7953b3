package tools

import (
	"context"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

var _ = register(Operation[snapshotIn, apiclient.ActionResult]{
	Meta: Meta{
		Name: "snapshots.restore", Title: "Restore a server from a snapshot", Past: "restored %s",
		Description: "Stops the server and overwrites its data with the snapshot. Cannot be undone.",
		Request:     "POST /snapshots/{id}/restore/",
		Needs:       permissions.AnyOf("servers:snapshot", "snapshots:restore"), Risk: permissions.Destructive, Resource: SnapshotServer,
	},
	Effect: func(t Target, _ snapshotIn) string {
		return "Overwrites all data of " + t.ServerLabel() + " with snapshot " + text.Quote(t.Item.Name) + t.MadeAt() + "; what came later is lost."
	},
	Warn:     func(Target, snapshotIn) []string { return []string{"The server is stopped while it is restored."} },
	Examples: []snapshotIn{{SnapshotID: exampleID("7001")}},
	Call: func(ctx context.Context, c *apiclient.Client, t Target, _ snapshotIn) (apiclient.ActionResult, error) {
		return c.Snapshots.Restore(ctx, t.ID)
	},
	Evidence: statusIs[snapshotIn](Unclear, "restoring"),
	Follow:   FollowServer,
})
