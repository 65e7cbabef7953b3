package tools

import (
	"context"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
)

var _ = register(Operation[serverIn, apiclient.ActionResult]{
	Meta: Meta{
		Name: "servers.reboot", Title: "Reboot a server", Past: "rebooted %s",
		Description: "Shuts a server down and starts it again. Connections drop; the disk is kept.",
		Request:     "POST /servers/{id}/reboot/",
		Needs:       permissions.AnyOf("servers:power"), Risk: permissions.Disruptive, Resource: Server,
	},
	Effect: func(t Target, _ serverIn) string {
		return "Reboots " + t.ServerLabel() + ": about a minute of downtime."
	},
	PreCheck: func(t Target, _ serverIn) error {
		if t.Server.Status == "stopped" {
			return &InputError{t.ServerLabel() + " is stopped, so it cannot be rebooted; servers.start starts it"}
		}
		return nil
	},
	Examples: []serverIn{{Server: "web-server-01"}},
	Call: func(ctx context.Context, c *apiclient.Client, t Target, _ serverIn) (apiclient.ActionResult, error) {
		return c.Servers.Reboot(ctx, t.ID)
	},
	Evidence: statusIs[serverIn](Unclear, "rebooting"),
	Follow:   FollowServer,
})
