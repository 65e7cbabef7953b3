package simulator

import (
	"maps"
	"slices"
	"strings"
)

type planWire struct {
	idWire
	Name         string   `json:"name"`
	Slug         string   `json:"slug"`
	VCPUs        int      `json:"vcpus"`
	Memory       int      `json:"memory"`
	Storage      int      `json:"storage"`
	Bandwidth    int      `json:"bandwidth"`
	PriceMonthly any      `json:"price_monthly"`
	PriceHourly  any      `json:"price_hourly"`
	Available    bool     `json:"available"`
	Locations    []string `json:"locations"`
	Description  string   `json:"description"`
}

type domainWire struct {
	idWire
	DomainName        string   `json:"domain_name"`
	Status            string   `json:"status"`
	RegistrationDate  *string  `json:"registration_date"`
	ExpirationDate    *string  `json:"expiration_date"`
	AutoRenew         bool     `json:"auto_renew"`
	Locked            bool     `json:"locked"`
	Nameservers       []string `json:"nameservers"`
	PrivacyProtection bool     `json:"privacy_protection"`
	DNSManagedBy      string   `json:"dns_managed_by"`
}

type zoneWire struct {
	UUID        string  `json:"uuid"`
	Domain      string  `json:"domain"`
	CreatedAt   *string `json:"created_at"`
	RecordCount int     `json:"record_count"`
}

func (c *call) listPlans() *answer {
	wanted := func(p *Plan) bool {
		location := c.query.Get("location")
		return location == "" || slices.Contains(p.Locations, location)
	}
	return list(c, ordered(c.Plans), wanted, func(p *Plan) any {
		return planWire{
			c.wireID(p.ID), p.Name, p.Slug, p.VCPUs, p.Memory, p.Storage, p.Bandwidth,
			c.price(p.PriceMonthly, 2), c.price(p.PriceHourly, 3), p.Available, array(p.Locations), p.Description,
		}
	})
}

// listDomains searches in names without regard to case.
func (c *call) listDomains() *answer {
	search := strings.ToLower(c.query.Get("search"))
	wanted := func(d *Domain) bool {
		return c.filter("status", d.Status) && strings.Contains(strings.ToLower(d.DomainName), search)
	}
	return list(c, ordered(c.Domains), wanted, func(d *Domain) any {
		return domainWire{
			c.wireID(d.ID), d.DomainName, d.Status, stamp(d.RegistrationDate), stamp(d.ExpirationDate), d.AutoRenew,
			d.Locked, array(d.Nameservers), d.PrivacyProtection, d.DNSManagedBy,
		}
	})
}

// listZones answers with a bare array, as the documentation's sample does, and so knows no pages.
func (c *call) listZones() *answer {
	zones := []zoneWire{}
	for _, uuid := range slices.Sorted(maps.Keys(c.Zones)) {
		if z := c.Zones[uuid]; c.filter("domain", z.Domain) {
			zones = append(zones, zoneWire{z.UUID, z.Domain, stamp(z.CreatedAt), z.RecordCount})
		}
	}
	return ok(zones)
}
