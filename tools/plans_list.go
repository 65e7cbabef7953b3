package tools

import (
	"context"
	"strings"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
)

type planFilter struct {
	Location string `json:"location,omitzero" rule:"code" doc:"Such as us-west"`
}

type planRow struct {
	ID           apiclient.ID `json:"id"`
	Name         string       `json:"name"`
	VCPUs        string       `json:"vcpus"`
	Memory       string       `json:"memory"`
	Storage      string       `json:"storage"`
	PriceMonthly string       `json:"price_monthly"`
	PriceHourly  string       `json:"price_hourly"`
	Locations    string       `json:"locations"`
}

var _ = register(named(Listed(Operation[planFilter, Listing[apiclient.Plan]]{
	Meta: Meta{
		Name: "plans.list", Title: "List plans and prices",
		Description: "Lists plans with prices and locations.",
		Request:     "GET /plans/",
		Needs:       permissions.AnyOf("plans:list"), Risk: permissions.Read, Resource: Account,
	},
	Examples: []planFilter{{}, {Location: "us-west"}},
}, func(ctx context.Context, c *apiclient.Client, _ Target, in planFilter) ([]apiclient.Plan, error) {
	return c.Plans.List(ctx, apiclient.PlanFilter{Location: in.Location})
}, func(p apiclient.Plan) planRow {
	return planRow{
		p.ID, p.Name, AmountCell(p.VCPUs), AmountCell(p.Memory), AmountCell(p.Storage), AmountCell(p.PriceMonthly), AmountCell(p.PriceHourly), strings.Join(p.Locations, " "),
	}
}), func(p apiclient.Plan) Choice {
	return Choice{ID: p.ID, Names: []string{p.Name, p.Slug}, Ready: true}
}))
