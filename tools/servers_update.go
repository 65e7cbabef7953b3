package tools

import (
	"context"
	"errors"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
)

type updateIn struct {
	Server         string  `json:"server" doc:"Server id or exact name"`
	Name           *string `json:"name,omitzero" rule:"name" doc:"New name"`
	Hostname       *string `json:"hostname,omitzero" rule:"hostname" doc:"FQDN"`
	BackupsEnabled *bool   `json:"backups_enabled,omitzero" doc:"Automatic backups; asks before off"`
}

var _ = register(Operation[updateIn, apiclient.Server]{
	Meta: Meta{
		Name: "servers.update", Title: "Change a server's settings", Past: "changed the settings of %s",
		Description: "Changes the given settings of a server and leaves the others.",
		Request:     "PATCH /servers/{id}/",
		Needs:       permissions.AnyOf("servers:update"), Risk: permissions.Change, Resource: Server, Undo: "servers.update",
	},
	Effect: func(t Target, in updateIn) string {
		return "Changes " + t.ServerLabel() + ": " + settings(in.Name, in.Hostname, in.BackupsEnabled) + "."
	},
	RiskFor:  func(t Target, in updateIn) permissions.Risk { return backupsOff(t, in.BackupsEnabled) },
	Examples: []updateIn{{Server: "web-server-01", Name: new("new-server-name")}},
	Check: func(in updateIn) error {
		if in.Name == nil && in.Hostname == nil && in.BackupsEnabled == nil {
			return errors.New("nothing to change: give a new name, a new hostname or backups_enabled")
		}
		return nil
	},
	Call: func(ctx context.Context, c *apiclient.Client, t Target, in updateIn) (apiclient.Server, error) {
		return c.Servers.Update(ctx, t.ID, apiclient.UpdateServer{Name: in.Name, Hostname: in.Hostname, BackupsEnabled: in.BackupsEnabled})
	},
	Evidence: func(ctx context.Context, c *apiclient.Client, t Target, in updateIn) (Evidence, error) {
		s, err := c.Servers.Get(ctx, t.ID)
		return hasSettings(s, t.Server, in.Name, in.Hostname, in.BackupsEnabled), err
	},
})
