package apiclient

import (
	"context"
	"slices"
)

// Plans is the operation on plans.
type Plans struct{ core *core }

// Plan is what can be ordered. Prices are in the account's currency, which
// the API does not name; for the other units see PlanRef. A nil Available is not known.
type Plan struct {
	ID           ID             `json:"id,omitzero"`
	Name         string         `json:"name,omitzero"`
	Slug         string         `json:"slug,omitzero"`
	VCPUs        Amount         `json:"vcpus,omitzero"`
	Memory       Amount         `json:"memory,omitzero"`
	Storage      Amount         `json:"storage,omitzero"`
	Bandwidth    Amount         `json:"bandwidth,omitzero"`
	PriceMonthly Amount         `json:"price_monthly,omitzero"`
	PriceHourly  Amount         `json:"price_hourly,omitzero"`
	Available    *bool          `json:"available,omitzero"`
	Locations    []string       `json:"locations,omitzero"`
	Description  string         `json:"description,omitzero"`
	Extra        map[string]any `json:",embed"`
}

func (p *Plan) identity() ID { return p.ID }

// PlanFilter narrows a list of plans; an empty Location does not.
type PlanFilter struct{ Location string }

var plansList = endpoint{"GET", "/plans/", answerRequired}

// List reads all plans that fit the filter: GET /plans/.
func (p Plans) List(ctx context.Context, f PlanFilter) ([]Plan, error) {
	all, err := fetchAll[Plan](ctx, p.core, plansList, query("location", f.Location))
	return only(all, err, func(p *Plan) bool {
		return f.Location == "" || slices.ContainsFunc(p.Locations, func(l string) bool { return is(l, f.Location) })
	})
}
