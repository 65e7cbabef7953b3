package tools

import (
	"context"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
)

var _ = register(Operation[serverIn, apiclient.Server]{
	Meta: Meta{
		Name: "servers.get", Title: "Show a server",
		Description: "Shows one server in full, with its resource usage.",
		Request:     "GET /servers/{id}/",
		Needs:       permissions.AnyOf("servers:list"), Risk: permissions.Read, Resource: Server,
	},
	Examples: []serverIn{{Server: "web-server-01"}},
	Call: func(ctx context.Context, c *apiclient.Client, t Target, _ serverIn) (apiclient.Server, error) {
		return c.Servers.Get(ctx, t.ID)
	},
})
