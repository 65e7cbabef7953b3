package tools

import (
	"context"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
)

type domainFilter struct {
	Status string `json:"status,omitzero" rule:"code" doc:"active, pending, expired or locked"`
	Search string `json:"search,omitzero" rule:"text" doc:"Part of the name"`
}

type domainRow struct {
	ID             apiclient.ID   `json:"id"`
	DomainName     string         `json:"domain_name"`
	Status         string         `json:"status"`
	ExpirationDate apiclient.Time `json:"expiration_date"`
	AutoRenew      string         `json:"auto_renew"`
	Locked         string         `json:"locked"`
	DNSManagedBy   string         `json:"dns_managed_by"`
}

var _ = register(Listed(Operation[domainFilter, Listing[apiclient.Domain]]{
	Meta: Meta{
		Name: "domains.list", Title: "List domains",
		Description: "Lists registered domains.",
		Request:     "GET /domains/",
		Needs:       permissions.AnyOf("domains:list"), Risk: permissions.Read, Resource: Account,
	},
	Examples: []domainFilter{{}, {Status: "active"}},
}, func(ctx context.Context, c *apiclient.Client, _ Target, in domainFilter) ([]apiclient.Domain, error) {
	return c.Domains.List(ctx, apiclient.DomainFilter{Status: in.Status, Search: in.Search})
}, func(d apiclient.Domain) domainRow {
	return domainRow{d.ID, d.DomainName, d.Status, d.ExpirationDate, FlagCell(d.AutoRenew), FlagCell(d.Locked), d.DNSManagedBy}
}))
