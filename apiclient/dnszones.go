package apiclient

import "context"

// DNSZones is the operation on DNS zones.
type DNSZones struct{ core *core }

// Zone is a DNS zone on VPS.org's own name servers.
type Zone struct {
	UUID        ID             `json:"uuid,omitzero"`
	Domain      string         `json:"domain,omitzero"`
	CreatedAt   Time           `json:"created_at,omitzero"`
	RecordCount Amount         `json:"record_count,omitzero"`
	Extra       map[string]any `json:",embed"`
}

func (z *Zone) identity() ID { return z.UUID }

// ZoneFilter narrows a list of zones to one domain, matched exactly; an empty
// Domain does not.
type ZoneFilter struct{ Domain string }

var zonesList = endpoint{"GET", "/dns-zones/", answerRequired}

// List reads all zones that fit the filter: GET /dns-zones/.
func (z DNSZones) List(ctx context.Context, f ZoneFilter) ([]Zone, error) {
	all, err := fetchAll[Zone](ctx, z.core, zonesList, query("domain", f.Domain))
	return only(all, err, func(z *Zone) bool { return is(z.Domain, f.Domain) })
}
