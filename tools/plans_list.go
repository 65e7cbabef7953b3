package tools

import (
	"context"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
)

type planFilter struct {
	Location string `json:"location,omitzero" rule:"code" doc:"Such as us-west"`
}

type planRow struct {
	ID           apiclient.ID `json:"id"`
	Name         string       `json:"name"`
	VCPUs        int64        `json:"vcpus"`
	Memory       int64        `json:"memory"`
	Storage      int64        `json:"storage"`
	PriceMonthly float64      `json:"price_monthly"`
	PriceHourly  float64      `json:"price_hourly"`
	Locations    string       `json:"locations"`
}

var _ = register(listed(Operation[planFilter, Listing[apiclient.Plan]]{
	Meta: Meta{
		Name: "plans.list", Title: "List plans and prices",
		Description: "Lists plans with prices and locations.",
		Request:     "GET /plans/",
		Needs:       permissions.AnyOf("plans:list"), Risk: permissions.Read,
	},
	Examples: []planFilter{{}, {Location: "us-west"}},
}, func(ctx context.Context, c *apiclient.Client, _ Target, in planFilter) ([]apiclient.Plan, error) {
	return c.Plans.List(ctx, apiclient.PlanFilter{Location: in.Location})
}, func(p apiclient.Plan) planRow {
	return planRow{p.ID, p.Name, p.VCPUs, p.Memory, p.Storage, p.PriceMonthly, p.PriceHourly, joined(p.Locations)}
}))
