package simulator

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

func (c *call) me() *response {
	a, t := c.Account, c.token
	return ok(object{
		{"account", object{
			{"email", a.Email}, {"first_name", orNull(a.FirstName)}, {"last_name", orNull(a.LastName)},
			{"company_name", orNull(a.CompanyName)}, {"created_at", a.CreatedAt.UTC().Format("2006-01-02")},
		}},
		{"token", object{
			{"name", t.Name}, {"permissions", t.Permissions}, {"created_at", stamp(t.CreatedAt)},
			{"last_used_at", stamp(t.LastUsedAt)}, {"expires_at", stamp(t.ExpiresAt)}, {"is_expired", t.Expired},
		}},
	})
}

func (c *call) listPlans() *response {
	wanted := func(p *Plan) bool {
		location := c.query.Get("location")
		return location == "" || slices.Contains(p.Locations, location)
	}
	return list(c, ordered(c.Plans), wanted, func(p *Plan) object {
		return object{
			c.idMember(p.ID), {"name", p.Name}, {"slug", p.Slug}, {"vcpus", p.VCPUs}, {"memory", p.Memory}, {"storage", p.Storage},
			{"bandwidth", p.Bandwidth}, {"price_monthly", c.price(p.PriceMonthly, 2)}, {"price_hourly", c.price(p.PriceHourly, 3)},
			{"available", p.Available}, {"locations", p.Locations}, {"description", p.Description},
		}
	})
}

// price formats a price; in the vendor's style it is a text with fixed decimals.
func (c *call) price(p float64, decimals int) any {
	if c.opts.Vendor {
		return strconv.FormatFloat(p, 'f', decimals, 64)
	}
	return p
}

// listDomains searches in names without regard to case.
func (c *call) listDomains() *response {
	search := strings.ToLower(c.query.Get("search"))
	wanted := func(d *Domain) bool {
		return c.matches("status", d.Status) && strings.Contains(strings.ToLower(d.DomainName), search)
	}
	return list(c, ordered(c.Domains), wanted, func(d *Domain) object {
		return object{
			c.idMember(d.ID), {"domain_name", d.DomainName}, {"status", d.Status}, {"registration_date", stamp(d.RegistrationDate)},
			{"expiration_date", stamp(d.ExpirationDate)}, {"auto_renew", d.AutoRenew}, {"locked", d.Locked},
			{"nameservers", d.Nameservers}, {"privacy_protection", d.PrivacyProtection}, {"dns_managed_by", d.DNSManagedBy},
		}
	})
}

// listZones answers with an array, as the documentation's sample does, and so without pages.
func (c *call) listZones() *response {
	zones := []object{}
	for _, uuid := range slices.Sorted(maps.Keys(c.Zones)) {
		if z := c.Zones[uuid]; c.matches("domain", z.Domain) {
			zones = append(zones, object{
				{"uuid", z.UUID}, {"domain", z.Domain}, {"created_at", stamp(z.CreatedAt)}, {"record_count", z.RecordCount},
			})
		}
	}
	return ok(zones)
}
