package tools

import (
	"context"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
)

type replaceIn struct {
	Server         string `json:"server" doc:"Server id or exact name"`
	Name           string `json:"name" rule:"name"`
	Hostname       string `json:"hostname" rule:"hostname" doc:"FQDN"`
	BackupsEnabled bool   `json:"backups_enabled" doc:"Asks before off"`
}

var _ = register(Operation[replaceIn, apiclient.Server]{
	Meta: Meta{
		Name: "servers.replace", Title: "Replace a server's settings", Past: "replaced the settings of %s",
		Description: "Sets name, hostname and automatic backups, all three.",
		Request:     "PUT /servers/{id}/",
		Needs:       permissions.AnyOf("servers:update"), Risk: permissions.Change, Resource: Server,
	},
	Effect: func(t Target, in replaceIn) string {
		return "Changes " + t.ServerLabel() + ": " + settings(&in.Name, &in.Hostname, &in.BackupsEnabled) + "."
	},
	RiskFor:  func(t Target, in replaceIn) permissions.Risk { return backupsOff(t, &in.BackupsEnabled) },
	Examples: []replaceIn{{Server: "web-server-01", Name: "web-server-updated", Hostname: "web-updated.example.com", BackupsEnabled: true}},
	Call: func(ctx context.Context, c *apiclient.Client, t Target, in replaceIn) (apiclient.Server, error) {
		return c.Servers.Replace(ctx, t.ID, apiclient.ReplaceServer{Name: in.Name, Hostname: in.Hostname, BackupsEnabled: in.BackupsEnabled})
	},
	Evidence: func(ctx context.Context, c *apiclient.Client, t Target, in replaceIn) (Evidence, error) {
		s, err := c.Servers.Get(ctx, t.ID)
		return hasSettings(s, t.Server, &in.Name, &in.Hostname, &in.BackupsEnabled), err
	},
})
