package apiclient

import "context"

// Plans is the operation on plans.
type Plans struct{ core *core }

// Plan is what can be ordered. Prices are in the account's currency, which
// the API does not name; for the other units see PlanRef.
type Plan struct {
	ID           ID             `json:"id,omitzero"`
	Name         string         `json:"name,omitzero"`
	Slug         string         `json:"slug,omitzero"`
	VCPUs        int64          `json:"vcpus,omitzero"`
	Memory       int64          `json:"memory,omitzero"`
	Storage      int64          `json:"storage,omitzero"`
	Bandwidth    int64          `json:"bandwidth,omitzero"`
	PriceMonthly float64        `json:"price_monthly"`
	PriceHourly  float64        `json:"price_hourly"`
	Available    bool           `json:"available"`
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
	return fetchAll[Plan](ctx, p.core, plansList, query("location", f.Location))
}
