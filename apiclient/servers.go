package apiclient

import (
	"cmp"
	"context"
	"slices"
)

// Servers are the operations on servers.
type Servers struct{ run step }

// ServerFilter narrows a list of servers; empty fields are ignored.
type ServerFilter struct {
	Status   string
	Location string
}

// CreateServer describes a new server. Name, PlanID, OSID and Location are required; zero values of the others
// are not sent.
type CreateServer struct {
	Name           string `json:"name"`
	PlanID         ID     `json:"plan_id"`
	OSID           ID     `json:"os_id"`
	Location       string `json:"location"`
	Hostname       string `json:"hostname,omitzero"`
	SSHKeyID       ID     `json:"ssh_key_id,omitzero"`
	BackupsEnabled *bool  `json:"backups_enabled,omitzero"`
}

// UpdateServer holds the fields to change; nil ones are not changed.
type UpdateServer struct {
	Name           *string `json:"name,omitzero"`
	Hostname       *string `json:"hostname,omitzero"`
	BackupsEnabled *bool   `json:"backups_enabled,omitzero"`
}

// ReplaceServer holds the three fields that a PUT replaces; all are sent.
type ReplaceServer struct {
	Name           string `json:"name"`
	Hostname       string `json:"hostname"`
	BackupsEnabled bool   `json:"backups_enabled"`
}

// List reads all servers that fit the filter: GET /servers/.
func (s Servers) List(ctx context.Context, f ServerFilter) ([]Server, error) {
	return list[Server]{s.run, "/servers/", query("status", f.Status, "location", f.Location), func(s Server) bool {
		return equals(s.Status, f.Status) && equals(s.Location, f.Location)
	}}.fetch(ctx)
}

// Get reads one server in full: GET /servers/{id}/.
func (s Servers) Get(ctx context.Context, id ID) (Server, error) {
	return fetch[Server](ctx, s.run, &call{method: "GET", route: "/servers/{id}/", id: id})
}

// Create orders a server, which is billed: POST /servers/. The server of the answer is still being provisioned.
func (s Servers) Create(ctx context.Context, in CreateServer) (Server, error) {
	return fetch[Server](ctx, s.run, &call{method: "POST", route: "/servers/", needs: []ID{in.PlanID, in.OSID}, in: in})
}

// Update changes the fields that are set: PATCH /servers/{id}/. The result is zero if the API answers without a
// body.
func (s Servers) Update(ctx context.Context, id ID, in UpdateServer) (Server, error) {
	return fetch[Server](ctx, s.run, &call{method: "PATCH", route: "/servers/{id}/", id: id, answer: bodyOptional, in: in})
}

// Replace sets all three fields: PUT /servers/{id}/. The result is zero if the API answers without a body.
func (s Servers) Replace(ctx context.Context, id ID, in ReplaceServer) (Server, error) {
	return fetch[Server](ctx, s.run, &call{method: "PUT", route: "/servers/{id}/", id: id, answer: bodyOptional, in: in})
}

// Delete removes a server for good: DELETE /servers/{id}/.
func (s Servers) Delete(ctx context.Context, id ID) error {
	return remove(ctx, s.run, "/servers/{id}/", id)
}

// Start boots a stopped server: POST /servers/{id}/start/.
func (s Servers) Start(ctx context.Context, id ID) (ActionResult, error) {
	return act(ctx, s.run, "/servers/{id}/start/", id)
}

// Stop shuts a server down gracefully: POST /servers/{id}/stop/.
func (s Servers) Stop(ctx context.Context, id ID) (ActionResult, error) {
	return act(ctx, s.run, "/servers/{id}/stop/", id)
}

// Reboot restarts a server gracefully: POST /servers/{id}/reboot/.
func (s Servers) Reboot(ctx context.Context, id ID) (ActionResult, error) {
	return act(ctx, s.run, "/servers/{id}/reboot/", id)
}

// Restore overwrites a server with one of its backups: POST /servers/{id}/restore/.
func (s Servers) Restore(ctx context.Context, id, backupID ID) (ActionResult, error) {
	return fetch[ActionResult](ctx, s.run, &call{
		method: "POST", route: "/servers/{id}/restore/", id: id, answer: bodyOptional,
		needs: []ID{backupID}, in: map[string]ID{"backup_id": backupID},
	})
}

// Server is a virtual server. In a list IPv6Address, BackupsEnabled and ResourceUsage are not set; Message is
// set in the answer to a create only. IPAddress is empty while the server is provisioned. Status is an open set
// of words.
type Server struct {
	ID             ID             `json:"id,omitzero"`
	Name           string         `json:"name,omitzero"`
	Hostname       string         `json:"hostname,omitzero"`
	Status         string         `json:"status,omitzero"`
	IPAddress      string         `json:"ip_address,omitzero"`
	IPv6Address    string         `json:"ipv6_address,omitzero"`
	Location       string         `json:"location,omitzero"`
	Plan           PlanRef        `json:"plan,omitzero"`
	OS             OSRef          `json:"os,omitzero"`
	BackupsEnabled *bool          `json:"backups_enabled,omitzero"`
	ResourceUsage  *Usage         `json:"resource_usage,omitzero"`
	CreatedAt      Time           `json:"created_at,omitzero"`
	UpdatedAt      Time           `json:"updated_at,omitzero"`
	Message        string         `json:"message,omitzero"`
	Extra          map[string]any `json:",embed"`
}

func (s Server) identity() ID { return s.ID }

// Address returns the server's IPv4 address, else its IPv6 address; "" if it has none yet.
func (s Server) Address() string {
	return cmp.Or(s.IPAddress, s.IPv6Address)
}

// PlanRef is the plan of a server. The API states no units; the values fit MB of memory, GB of storage, GB of
// traffic a month.
type PlanRef struct {
	ID        ID             `json:"id,omitzero"`
	Name      string         `json:"name,omitzero"`
	VCPUs     Amount         `json:"vcpus,omitzero"`
	Memory    Amount         `json:"memory,omitzero"`
	Storage   Amount         `json:"storage,omitzero"`
	Bandwidth Amount         `json:"bandwidth,omitzero"`
	Extra     map[string]any `json:",embed"`
}

// OSRef is the operating system of a server.
type OSRef struct {
	ID    ID             `json:"id,omitzero"`
	Name  string         `json:"name,omitzero"`
	Extra map[string]any `json:",embed"`
}

// Usage is the current resource usage of a server, in the units of its plan.
type Usage struct {
	CPUPercent    Amount         `json:"cpu_percent,omitzero"`
	MemoryUsed    Amount         `json:"memory_used,omitzero"`
	DiskUsed      Amount         `json:"disk_used,omitzero"`
	BandwidthUsed Amount         `json:"bandwidth_used,omitzero"`
	Extra         map[string]any `json:",embed"`
}

// Ref is the short form of an object inside another. CreatedAt is set for the snapshot of a restore only,
// Status for the server of an action only.
type Ref struct {
	ID        ID             `json:"id,omitzero"`
	Name      string         `json:"name,omitzero"`
	Status    string         `json:"status,omitzero"`
	CreatedAt Time           `json:"created_at,omitzero"`
	Extra     map[string]any `json:",embed"`
}

// ActionResult is the answer to start, stop, reboot and restore: the action has started, not ended. It is zero
// if the API answered without a body.
type ActionResult struct {
	Status   string         `json:"status,omitzero"`
	Message  string         `json:"message,omitzero"`
	Snapshot *Ref           `json:"snapshot,omitzero"`
	Server   Ref            `json:"server,omitzero"`
	Extra    map[string]any `json:",embed"`
}

// Plans is the operation on plans.
type Plans struct{ run step }

// Plan is a plan that can be ordered. Prices are in the account's currency, which the API does not name; for
// the other units see PlanRef. Available is nil if it is not known.
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

func (p Plan) identity() ID { return p.ID }

// PlanFilter narrows a list of plans; an empty Location is ignored.
type PlanFilter struct{ Location string }

// List reads all plans that fit the filter: GET /plans/.
func (p Plans) List(ctx context.Context, f PlanFilter) ([]Plan, error) {
	return list[Plan]{p.run, "/plans/", query("location", f.Location), func(p Plan) bool {
		return f.Location == "" || slices.ContainsFunc(p.Locations, func(l string) bool { return equals(l, f.Location) })
	}}.fetch(ctx)
}

// Summary holds the fields that answers about different objects share; a field that an answer lacks is zero.
type Summary struct {
	ID        ID     // of the object
	Message   string // of the API
	Status    string // of the object; of the server for an action
	Address   string // of a server
	NoAddress bool   // a server without an address, which it may get a moment after it is active
}

// Summary returns the API's message and the server's status.
func (a ActionResult) Summary() Summary { return Summary{Message: a.Message, Status: a.Server.Status} }

// Summary returns the summary of a server.
func (s Server) Summary() Summary {
	return Summary{ID: s.ID, Message: s.Message, Status: s.Status, Address: s.Address(), NoAddress: s.Address() == ""}
}
