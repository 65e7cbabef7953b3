package tools

import (
	"context"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
)

type zoneFilter struct {
	Domain string `json:"domain,omitzero" rule:"domain" doc:"Exact name"`
}

type zoneRow struct {
	UUID        apiclient.ID   `json:"uuid"`
	Domain      string         `json:"domain"`
	RecordCount string         `json:"record_count"`
	CreatedAt   apiclient.Time `json:"created_at"`
}

var _ = register(Listed(Operation[zoneFilter, Listing[apiclient.Zone]]{
	Meta: Meta{
		Name: "dns.zones", Title: "List DNS zones",
		Description: "Lists DNS zones.",
		Request:     "GET /dns-zones/",
		Needs:       permissions.AnyOf("dns:list"), Risk: permissions.Read, Resource: Account,
	},
	Examples: []zoneFilter{{}, {Domain: "example.com"}},
}, func(ctx context.Context, c *apiclient.Client, _ Target, in zoneFilter) ([]apiclient.Zone, error) {
	return c.DNSZones.List(ctx, apiclient.ZoneFilter{Domain: in.Domain})
}, func(z apiclient.Zone) zoneRow {
	return zoneRow{z.UUID, z.Domain, AmountCell(z.RecordCount), z.CreatedAt}
}))
