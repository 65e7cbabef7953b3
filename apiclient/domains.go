package apiclient

import "context"

// Domains is the operation on domains.
type Domains struct{ core *core }

// Domain is a registered domain. Status is an open set of words, "locked"
// among them; Locked is a field of its own. Flags that are nil are not known.
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

func (d *Domain) identity() ID { return d.ID }

// DomainFilter narrows a list of domains; empty fields do not. Search is over
// the names.
type DomainFilter struct {
	Status string
	Search string
}

var domainsList = endpoint{"GET", "/domains/", answerRequired}

// List reads all domains that fit the filter: GET /domains/.
func (d Domains) List(ctx context.Context, f DomainFilter) ([]Domain, error) {
	all, err := fetchAll[Domain](ctx, d.core, domainsList, query("status", f.Status, "search", f.Search))
	return only(all, err, func(d *Domain) bool { return is(d.Status, f.Status) && contains(d.DomainName, f.Search) })
}
