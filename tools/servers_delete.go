package tools

import (
	"context"
	"slices"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
)

var _ = register(Operation[serverIn, None]{
	Meta: Meta{
		Name: "servers.delete", Title: "Delete a server", Past: "deleted %s",
		Description: "Deletes a server and its disk for good. Cannot be undone.",
		Request:     "DELETE /servers/{id}/",
		Needs:       permissions.AnyOf("servers:delete"), Risk: permissions.Destructive, Resource: Server,
	},
	Effect: func(t Target, _ serverIn) string {
		return "Deletes " + t.ServerLabel() + " and everything on its disk for good."
	},
	Warn: func(t Target, _ serverIn) []string {
		return []string{"VPS.org does not say what becomes of a deleted server's backups and snapshots."}
	},
	Examples: []serverIn{{Server: "web-server-01"}},
	Call: func(ctx context.Context, c *apiclient.Client, t Target, _ serverIn) (None, error) {
		return None{}, c.Servers.Delete(ctx, t.ID)
	},
	Evidence: func(ctx context.Context, c *apiclient.Client, t Target, _ serverIn) (Evidence, error) {
		if s, err := c.Servers.Get(ctx, t.ID); !apiclient.IsNotFound(err) {
			return standing(s.Status), err
		}
		servers, err := c.Servers.List(ctx, apiclient.ServerFilter{}) // a 404 alone may be a proxy's
		if slices.ContainsFunc(servers, func(s apiclient.Server) bool { return s.ID.Equal(t.ID) }) {
			return Unclear, err
		}
		return Applied, err
	},
})
