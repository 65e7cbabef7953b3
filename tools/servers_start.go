package tools

import (
	"context"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
)

var _ = register(Operation[serverIn, apiclient.ActionResult]{
	Meta: Meta{
		Name: "servers.start", Title: "Start a server", Past: "started %s",
		Description: "Starts a stopped server.",
		Request:     "POST /servers/{id}/start/",
		Needs:       permissions.AnyOf("servers:power"), Risk: permissions.Change, Resource: Server, Undo: "servers.stop", Goal: "active",
	},
	Effect:   func(t Target, _ serverIn) string { return "Starts " + t.ServerLabel() + "." },
	Examples: []serverIn{{Server: "web-server-01"}},
	Call: func(ctx context.Context, c *apiclient.Client, t Target, _ serverIn) (apiclient.ActionResult, error) {
		return c.Servers.Start(ctx, t.ID)
	},
	Evidence: statusIs[serverIn](NotSeen, "active", "starting"),
	Follow:   FollowServer,
})
