package apiclient

import (
	"context"
	"strings"
)

// Domains is the operation on domains.
type Domains struct{ run step }

// Domain is a registered domain. Status is an open set of words, "locked" among them; Locked is a separate
// field. Flags that are nil are not known.
type Domain struct {
	ID                ID             `json:"id,omitzero"`
	DomainName        string         `json:"domain_name,omitzero"`
	Status            string         `json:"status,omitzero"`
	RegistrationDate  Time           `json:"registration_date,omitzero"`
	ExpirationDate    Time           `json:"expiration_date,omitzero"`
	AutoRenew         *bool          `json:"auto_renew,omitzero"`
	Locked            *bool          `json:"locked,omitzero"`
	Nameservers       []string       `json:"nameservers,omitzero"`
	PrivacyProtection *bool          `json:"privacy_protection,omitzero"`
	DNSManagedBy      string         `json:"dns_managed_by,omitzero"`
	Extra             map[string]any `json:",embed"`
}

func (d Domain) identity() ID { return d.ID }

// DomainFilter narrows a list of domains; empty fields are ignored. Search is for a part of the name.
type DomainFilter struct {
	Status string
	Search string
}

// List reads all domains that fit the filter: GET /domains/.
func (d Domains) List(ctx context.Context, f DomainFilter) ([]Domain, error) {
	return list[Domain]{d.run, "/domains/", query("status", f.Status, "search", f.Search), func(d Domain) bool {
		return equals(d.Status, f.Status) && strings.Contains(strings.ToLower(d.DomainName), strings.ToLower(f.Search))
	}}.fetch(ctx)
}

// DNSZones is the operation on DNS zones.
type DNSZones struct{ run step }

// Zone is a DNS zone on VPS.org's own name servers.
type Zone struct {
	UUID        ID             `json:"uuid,omitzero"`
	Domain      string         `json:"domain,omitzero"`
	CreatedAt   Time           `json:"created_at,omitzero"`
	RecordCount Amount         `json:"record_count,omitzero"`
	Extra       map[string]any `json:",embed"`
}

func (z Zone) identity() ID { return z.UUID }

// ZoneFilter narrows a list of zones to one domain, matched exactly; an empty Domain is ignored.
type ZoneFilter struct{ Domain string }

// List reads all zones that fit the filter: GET /dns-zones/.
func (z DNSZones) List(ctx context.Context, f ZoneFilter) ([]Zone, error) {
	return list[Zone]{z.run, "/dns-zones/", query("domain", f.Domain), func(z Zone) bool {
		return equals(z.Domain, f.Domain)
	}}.fetch(ctx)
}
