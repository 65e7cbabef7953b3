package tools

import (
	"context"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
)

var _ = register(Operation[serverIn, apiclient.ActionResult]{
	Meta: Meta{
		Name: "servers.stop", Title: "Stop a server", Past: "stopped %s",
		Description: "Shuts a server down. It stays billed while stopped.",
		Request:     "POST /servers/{id}/stop/",
		Needs:       permissions.AnyOf("servers:power"), Risk: permissions.Disruptive, Resource: Server, Undo: "servers.start", Goal: "stopped",
	},
	Effect: func(t Target, _ serverIn) string {
		return "Stops " + t.ServerLabel() + ": it serves nothing until it is started again."
	},
	Warn:     func(Target, serverIn) []string { return []string{"A stopped server is still billed."} },
	Examples: []serverIn{{Server: "web-server-01"}},
	Call: func(ctx context.Context, c *apiclient.Client, t Target, _ serverIn) (apiclient.ActionResult, error) {
		return c.Servers.Stop(ctx, t.ID)
	},
	Evidence: statusIs[serverIn](NotSeen, "stopped", "stopping"),
	Follow:   FollowServer,
})
