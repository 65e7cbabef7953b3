package tools

import (
	"context"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

var _ = register(Operation[snapshotIn, None]{
	Meta: Meta{
		Name: "snapshots.delete", Title: "Delete a snapshot", Past: "deleted %s",
		Description: "Deletes a snapshot for good.",
		Request:     "DELETE /snapshots/{id}/",
		Needs:       permissions.AnyOf("snapshots:delete"), Risk: permissions.Destructive, Resource: Snapshot,
	},
	Effect: func(t Target, _ snapshotIn) string {
		return "Deletes the snapshot " + text.Quote(t.Item.Name) + " of " + t.ServerLabel() + t.MadeAt() + " for good."
	},
	Examples: []snapshotIn{{SnapshotID: exampleID("7001")}},
	Call: func(ctx context.Context, c *apiclient.Client, t Target, _ snapshotIn) (None, error) {
		return None{}, c.Snapshots.Delete(ctx, t.ID)
	},
	Evidence: goneFrom[snapshotIn](listSnapshots),
})
