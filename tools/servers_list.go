package tools

import (
	"context"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
)

type serverFilter struct {
	Status   string `json:"status,omitzero" rule:"code" doc:"active, stopped or suspended"`
	Location string `json:"location,omitzero" rule:"code" doc:"Such as us-west"`
}

type serverRow struct {
	ID             apiclient.ID `json:"id"`
	Name           string       `json:"name"`
	Status         string       `json:"status"`
	IPAddress      string       `json:"ip_address,omitzero"`
	Location       string       `json:"location"`
	PlanName       string       `json:"plan_name,omitzero"`
	Hostname       string       `json:"hostname,omitzero"`
	OS             string       `json:"os,omitzero"`
	BackupsEnabled *bool        `json:"backups_enabled,omitzero"`
}

var _ = register(ofServer(compact(Listed(Operation[serverFilter, Listing[apiclient.Server]]{
	Meta: Meta{
		Name: "servers.list", Title: "List servers",
		Description: "Lists the account's servers.",
		Request:     "GET /servers/",
		Needs:       permissions.AnyOf("servers:list"), Risk: permissions.Read, Resource: Account,
	},
	Examples: []serverFilter{{}, {Status: "active"}},
}, func(ctx context.Context, c *apiclient.Client, _ Target, in serverFilter) ([]apiclient.Server, error) {
	return c.Servers.List(ctx, apiclient.ServerFilter{Status: in.Status, Location: in.Location})
}, func(s apiclient.Server) serverRow {
	return serverRow{s.ID, s.Name, s.Status, s.IPAddress, s.Location, s.Plan.Name, s.Hostname, s.OS.Name, s.BackupsEnabled}
}), "hostname", "os", "backups_enabled"), func(s apiclient.Server) (apiclient.ID, string) { return s.ID, s.Name }))
