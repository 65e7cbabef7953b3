package tools

import (
	"cmp"
	"context"
	"slices"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

type createIn struct {
	Name           string       `json:"name" rule:"name" doc:"Letters, digits, hyphens"`
	PlanID         apiclient.ID `json:"plan_id" doc:"A plan's id, name or slug; plans.list has them" list:"plans.list"`
	OSID           apiclient.ID `json:"os_id" doc:"An operating system's id, as in os.id of servers.get"`
	Location       string       `json:"location" rule:"code" doc:"Such as us-west; plans.list has each plan's"`
	Hostname       string       `json:"hostname,omitzero" rule:"hostname" doc:"FQDN"`
	SSHKeyID       apiclient.ID `json:"ssh_key_id,omitzero" doc:"A key to install; without one VPS.org does not say how to log in"`
	BackupsEnabled *bool        `json:"backups_enabled,omitzero" doc:"Automatic backups"`
}

var _ = register(Operation[createIn, apiclient.Server]{
	Meta: Meta{
		Name: "servers.create", Title: "Create a server", Past: "created %s",
		Description: "Creates a server, which costs money until it is deleted.",
		Request:     "POST /servers/",
		Needs:       permissions.AnyOf("servers:create"), Risk: permissions.Billable, Resource: NewServer, Undo: "servers.delete",
		CandidatesNeed: "servers:list",
	},
	Effect: func(_ Target, in createIn) string {
		return "Creates the server " + text.Quote(in.Name) + " in " + in.Location + ", billed from now until it is deleted."
	},
	Examples: []createIn{{
		Name: "web-server-02", PlanID: exampleID("1"), OSID: exampleID("5"), Location: "us-west",
		Hostname: "web02.example.com", BackupsEnabled: new(true),
	}},
	PreCheck: func(t Target, in createIn) error {
		if len(t.ExistingIDs) > 0 {
			return &InputError{"there is a server called " + text.Quote(in.Name) + " already, which servers.get shows; give this one another name"}
		}
		return nil
	},
	Call: func(ctx context.Context, c *apiclient.Client, t Target, in createIn) (apiclient.Server, error) {
		return c.Servers.Create(ctx, apiclient.CreateServer{ // a plan that was read has the id in the API's own form
			Name: in.Name, PlanID: cmp.Or(t.Plan.ID, in.PlanID), OSID: in.OSID, Location: in.Location,
			Hostname: in.Hostname, SSHKeyID: in.SSHKeyID, BackupsEnabled: in.BackupsEnabled,
		})
	},
	Candidates: func(ctx context.Context, c *apiclient.Client, _ Target, in createIn) ([]apiclient.Server, error) {
		servers, err := c.Servers.List(ctx, apiclient.ServerFilter{})
		return slices.DeleteFunc(servers, func(s apiclient.Server) bool { return !SameName(s.Name, in.Name) }), err
	},
	Follow: func(ctx context.Context, c *apiclient.Client, _ Target, out apiclient.Server) (apiclient.Server, error) {
		return c.Servers.Get(ctx, out.ID)
	},
})
