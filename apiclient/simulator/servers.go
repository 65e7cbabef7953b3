package simulator

import (
	"net/http"
	"slices"
	"time"
)

const provisioningMessage = "Server is being provisioned. This may take 2-5 minutes."

// serverForm is one of the three forms of a server in answers.
type serverForm int

const (
	listedServer serverForm = iota
	createdServer
	serverDetail
)

func (w *World) serverObject(s *Server, form serverForm) object {
	o := object{
		w.idMember(s.ID), {"name", s.Name}, {"hostname", orNull(s.Hostname)}, {"status", s.Status},
		{"ip_address", orNull(s.IPAddress)},
	}
	plan := object{
		w.idMember(s.Plan.ID), {"name", s.Plan.Name}, {"vcpus", s.Plan.VCPUs}, {"memory", s.Plan.Memory},
		{"storage", s.Plan.Storage},
	}
	updated := s.UpdatedAt
	if form == serverDetail {
		o = append(o, member{"ipv6_address", orNull(s.IPv6Address)})
		plan = append(plan, member{"bandwidth", s.Plan.Bandwidth})
		updated = slices.MaxFunc([]time.Time{updated, s.Usage.MeasuredAt}, time.Time.Compare)
	}
	o = append(o, object{
		{"location", s.Location}, {"plan", plan}, {"os", object{w.idMember(s.OS.ID), {"name", s.OS.Name}}},
	}...)
	if form != listedServer {
		o = append(o, member{"backups_enabled", s.BackupsEnabled})
	}
	if form == serverDetail {
		o = append(o, member{"resource_usage", s.usage()})
	}
	return append(o, member{"created_at", stamp(s.CreatedAt)}, member{"updated_at", stamp(updated)})
}

// usage is the current usage: a server that is not running uses neither processor nor memory.
func (s *Server) usage() object {
	cpu, memory := s.Usage.CPUPercent, s.Usage.MemoryUsed
	if s.Status == Stopped || s.Status == Provisioning || s.Status == Suspended {
		cpu, memory = 0, 0
	}
	return object{
		{"cpu_percent", cpu}, {"memory_used", memory}, {"disk_used", s.Usage.DiskUsed},
		{"bandwidth_used", s.Usage.BandwidthUsed},
	}
}

func (c *call) listServers() *response {
	wanted := func(s *Server) bool { return c.matches("status", s.Status) && c.matches("location", s.Location) }
	if c.opts.Vendor || c.query.Get("status") == "" && c.query.Get("location") == "" {
		wanted = nil // a page of a large fleet does not visit all of it
	}
	return list(c, c.orderedServers(), wanted, func(s *Server) object { return c.serverObject(s, listedServer) })
}

func (c *call) showServer() *response { return ok(c.serverObject(c.server, serverDetail)) }

// createServer does not require unique names: the documentation does not promise them.
func (c *call) createServer() *response {
	n := Server{Status: Provisioning}
	set(&n.Name, c.form.text("name", true, serverName))
	set(&n.Hostname, c.form.text("hostname", false, hostname))
	set(&n.BackupsEnabled, field[bool](&c.form, "backups_enabled", false, notBoolean))
	if id := c.idField("os_id", true); id != nil {
		if n.OS = sample().Systems[*id]; n.OS.ID == 0 {
			c.form.fail("os_id", "Unknown operating system.")
		}
	}
	// No endpoint lists SSH keys, so any id is accepted.
	c.idField("ssh_key_id", false)
	price := c.planAndLocation(&n)
	if refusal := c.form.refusal(); refusal != nil {
		return refusal
	}
	if price > c.Credits {
		return fail(http.StatusPaymentRequired, "Not enough credits to create this server.")
	}
	c.Credits -= price
	s := c.AddServer(n)
	c.setStatus(s, Provisioning)
	return created(append(c.serverObject(s, createdServer), member{"message", provisioningMessage}))
}

// planAndLocation reads plan and location, which must fit each other, and returns the plan's price. Locations
// exist in plans only.
func (c *call) planAndLocation(n *Server) (price float64) {
	located := false
	if location := c.form.text("location", true, nil); location != nil {
		n.Location = *location
		for _, p := range c.Plans {
			located = located || slices.Contains(p.Locations, n.Location)
		}
		if !located {
			c.form.fail("location", "Unknown location.")
		}
	}
	id := c.idField("plan_id", true)
	if id == nil {
		return 0
	}
	plan := c.Plans[*id]
	switch {
	case plan == nil:
		c.form.fail("plan_id", "Unknown plan.")
	case !plan.Available:
		c.form.fail("plan_id", "This plan is not available.")
	case located && !slices.Contains(plan.Locations, n.Location):
		c.form.fail("location", "This plan is not available in this location.")
	default:
		n.Plan, price = c.serverPlan(plan.ID), plan.PriceMonthly
	}
	return price
}

// updateServer changes those fields that were sent; a PUT must send all of them.
func (c *call) updateServer(all bool) *response {
	name, host := c.form.text("name", all, serverName), c.form.text("hostname", all, hostname)
	enabled := field[bool](&c.form, "backups_enabled", all, notBoolean)
	if refusal := c.form.refusal(); refusal != nil {
		return refusal
	}
	set(&c.server.Name, name)
	set(&c.server.Hostname, host)
	set(&c.server.BackupsEnabled, enabled)
	c.server.UpdatedAt = c.now
	return c.showServer()
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

func (c *call) deleteServer() *response {
	c.DeleteServer(c.id)
	return deleted()
}

// action moves a server from one of some statuses to another.
type action struct {
	from    []string
	to      string
	message string
	refusal string // for a server with another status that is not transitional
}

var (
	starting   = action{[]string{Stopped}, Starting, "Server is starting", "Server is already running"}
	stopping   = action{[]string{Active}, Stopping, "Server is stopping", "Server is not running"}
	rebooting  = action{[]string{Active}, Rebooting, "Server is rebooting", "Server is not running"}
	fromBackup = action{[]string{Active, Stopped}, Restoring, "Restore from backup started (5-15 minutes).", notRestorable}
	fromSnap   = action{[]string{Active, Stopped}, Restoring, "Restore from snapshot started (5-15 minutes).", notRestorable}
)

const notRestorable = "Server is not in a restorable state"

// begin starts an action on a server, or refuses it because of the server's status.
func (c *call) begin(a action, s *Server) *response {
	if !slices.Contains(a.from, s.Status) {
		switch _, busy := transitions[s.Status]; {
		case busy:
			return badRequest("Server is busy: " + s.Status)
		case s.Status == Suspended:
			return badRequest("Server is suspended")
		}
		return badRequest(a.refusal)
	}
	c.setStatus(s, a.to)
	result := object{{"status", "success"}, {"message", a.message}}
	if of := c.snapshot; of != nil {
		result = append(result, member{"snapshot", object{c.idMember(of.ID), {"name", of.Name}, {"created_at", stamp(of.CreatedAt)}}})
	}
	return ok(append(result, member{"server", object{c.idMember(s.ID), {"name", s.Name}, {"status", s.Status}}}))
}
