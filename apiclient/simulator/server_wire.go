package simulator

// The three forms of a server (in a list, as created, in detail) share their parts; the order of the fields is the
// documentation's.
type (
	serverHead struct {
		idWire
		Name      string  `json:"name"`
		Hostname  *string `json:"hostname"`
		Status    string  `json:"status"`
		IPAddress *string `json:"ip_address"`
	}
	serverDates struct {
		CreatedAt *string `json:"created_at"`
		UpdatedAt *string `json:"updated_at"`
	}
	serverPlan struct {
		idWire
		Name    string `json:"name"`
		VCPUs   int    `json:"vcpus"`
		Memory  int    `json:"memory"`
		Storage int    `json:"storage"`
	}
	serverPlanDetail struct {
		serverPlan
		Bandwidth int `json:"bandwidth"`
	}
	serverOS struct {
		idWire
		Name string `json:"name"`
	}
	serverUsage struct {
		CPUPercent    float64 `json:"cpu_percent"`
		MemoryUsed    int     `json:"memory_used"`
		DiskUsed      int     `json:"disk_used"`
		BandwidthUsed int     `json:"bandwidth_used"`
	}
	listedServer struct {
		serverHead
		Location string     `json:"location"`
		Plan     serverPlan `json:"plan"`
		OS       serverOS   `json:"os"`
		serverDates
	}
	createdServer struct {
		serverHead
		Location       string     `json:"location"`
		Plan           serverPlan `json:"plan"`
		OS             serverOS   `json:"os"`
		BackupsEnabled bool       `json:"backups_enabled"`
		serverDates
		Message string `json:"message"`
	}
	serverDetail struct {
		serverHead
		IPv6Address    *string          `json:"ipv6_address"`
		Location       string           `json:"location"`
		Plan           serverPlanDetail `json:"plan"`
		OS             serverOS         `json:"os"`
		BackupsEnabled bool             `json:"backups_enabled"`
		ResourceUsage  serverUsage      `json:"resource_usage"`
		serverDates
	}
)

func (w *World) serverHead(s *Server) serverHead {
	return serverHead{w.wireID(s.ID), s.Name, orNull(s.Hostname), s.Status, orNull(s.IPAddress)}
}

func (s *Server) dates() serverDates { return serverDates{stamp(s.CreatedAt), stamp(s.UpdatedAt)} }

func (w *World) planWire(p *Plan) serverPlan {
	return serverPlan{w.wireID(p.ID), p.Name, p.VCPUs, p.Memory, p.Storage}
}

func (w *World) osWire(o OS) serverOS { return serverOS{w.wireID(o.ID), o.Name} }

func (w *World) listedServer(s *Server) any {
	return listedServer{w.serverHead(s), s.Location, w.planWire(&s.Plan), w.osWire(s.OS), s.dates()}
}

func (w *World) createdServer(s *Server, message string) any {
	return createdServer{
		w.serverHead(s), s.Location, w.planWire(&s.Plan), w.osWire(s.OS), s.BackupsEnabled, s.dates(), message,
	}
}

func (w *World) serverDetail(s *Server) any {
	detail := serverDetail{
		serverHead: w.serverHead(s), IPv6Address: orNull(s.IPv6Address), Location: s.Location,
		Plan: serverPlanDetail{w.planWire(&s.Plan), s.Plan.Bandwidth}, OS: w.osWire(s.OS),
		BackupsEnabled: s.BackupsEnabled, ResourceUsage: s.usage(), serverDates: s.dates(),
	}
	detail.UpdatedAt = stamp(later(s.UpdatedAt, s.Usage.MeasuredAt))
	return detail
}

// usage is what a server uses now: one that does not run needs no processor and no memory.
func (s *Server) usage() serverUsage {
	u := serverUsage{s.Usage.CPUPercent, s.Usage.MemoryUsed, s.Usage.DiskUsed, s.Usage.BandwidthUsed}
	if s.Status == Stopped || s.Status == Provisioning || s.Status == Suspended {
		u.CPUPercent, u.MemoryUsed = 0, 0
	}
	return u
}
