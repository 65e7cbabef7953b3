package apiclient

// Server is a virtual server. A list leaves IPv6Address, BackupsEnabled and
// ResourceUsage out; Message comes with a create alone. IPAddress is empty
// while the server is provisioned. Status is an open set of words.
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

func (s *Server) identity() ID { return s.ID }

// Address returns the address to reach a server at: its IPv4 address, else its IPv6 address; ""
// where it has none yet.
func (s Server) Address() string {
	if s.IPAddress != "" {
		return s.IPAddress
	}
	return s.IPv6Address
}

// PlanRef is the plan of a server. The API states no units; the values fit MB
// of memory, GB of storage, GB of traffic a month.
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

// Usage is what a server uses now, in the units of its plan.
type Usage struct {
	CPUPercent    Amount         `json:"cpu_percent,omitzero"`
	MemoryUsed    Amount         `json:"memory_used,omitzero"`
	DiskUsed      Amount         `json:"disk_used,omitzero"`
	BandwidthUsed Amount         `json:"bandwidth_used,omitzero"`
	Extra         map[string]any `json:",embed"`
}

// Ref is the short form in which one object mentions another. CreatedAt is
// set for the snapshot of a restore alone, Status for the server of an action.
type Ref struct {
	ID        ID             `json:"id,omitzero"`
	Name      string         `json:"name,omitzero"`
	Status    string         `json:"status,omitzero"`
	CreatedAt Time           `json:"created_at,omitzero"`
	Extra     map[string]any `json:",embed"`
}

// ActionResult is the answer to start, stop, reboot and restore: the work has
// begun, not ended. It is zero where the API answered without a body.
type ActionResult struct {
	Status   string         `json:"status,omitzero"`
	Message  string         `json:"message,omitzero"`
	Snapshot *Ref           `json:"snapshot,omitzero"`
	Server   Ref            `json:"server,omitzero"`
	Extra    map[string]any `json:",embed"`
}
