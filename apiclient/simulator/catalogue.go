package simulator

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const maxPageSize = 100

// list answers with the objects that are wanted, all if wanted is nil, each as show returns it.
func list[V any](c *call, objects []*V, wanted func(*V) bool, show func(*V) object) *response {
	if wanted != nil {
		objects = slices.DeleteFunc(slices.Clone(objects), func(v *V) bool { return !wanted(v) })
	}
	p, valid := c.page(len(objects))
	if !valid {
		return fail(http.StatusNotFound, "Invalid page.")
	}
	results := make([]object, 0, p.to-p.from)
	for _, object := range objects[p.from:p.to] {
		results = append(results, show(object))
	}
	body := object{{"count", len(objects)}}
	if c.opts.Vendor {
		body = append(body, member{"next", orNull(p.next)}, member{"previous", orNull(p.previous)})
	}
	return ok(append(body, member{"results", results}))
}

type page struct {
	from, to       int
	next, previous string
}

func (c *call) page(count int) (p page, valid bool) {
	size := c.opts.PageSize
	if size <= 0 {
		return page{to: count}, true
	}
	if asked, err := strconv.Atoi(c.query.Get("page_size")); err == nil && asked > 0 {
		size = min(asked, maxPageSize)
	}
	number := 1
	if asked := c.query.Get("page"); asked != "" {
		number, _ = strconv.Atoi(asked)
	}
	// An empty list has a first page. No other page is beyond the end.
	if number < 1 || number > max(1, (count+size-1)/size) {
		return page{}, false
	}
	p.from = (number - 1) * size
	p.to = min(p.from+size, count)
	if p.to < count {
		p.next = c.pageURL(number + 1)
	}
	if number > 1 {
		p.previous = c.pageURL(number - 1)
	}
	return p, true
}

func (c *call) pageURL(number int) string {
	// A server does not see the scheme of a request.
	target := url.URL{Scheme: cmp.Or(c.request.URL.Scheme, "http"), Host: c.request.Host, Path: c.request.URL.Path}
	query := c.request.URL.Query()
	query.Set("page", strconv.Itoa(number))
	if number == 1 {
		query.Del("page")
	}
	target.RawQuery = query.Encode()
	return target.String()
}

// matches reports whether a value is the one that the query asks for, or the query asks for none.
func (c *call) matches(name, value string) bool {
	asked := c.query.Get(name)
	return asked == "" || asked == value
}

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
