package simulator

import (
	"net/http"
	"slices"
)

const provisioningMessage = "Server is being provisioned. This may take 2-5 minutes."

func (c *call) listServers() *answer {
	wanted := func(s *Server) bool {
		return c.opts.Vendor || c.filter("status", s.Status) && c.filter("location", s.Location)
	}
	return list(c, ordered(c.Servers), wanted, c.listedServer)
}

// server is the server of the path, or the answer that there is none.
func (c *call) server() (*Server, *answer) {
	if s := c.Servers[c.id]; s != nil {
		return s, nil
	}
	return nil, notFound()
}

func (c *call) showServer() *answer {
	s, missing := c.server()
	if missing != nil {
		return missing
	}
	return ok(c.serverDetail(s))
}

// newServer is what a create asks for, with its price.
type newServer struct {
	Server
	price float64
}

func (c *call) createServer() *answer {
	wanted := c.newServer()
	if refusal := c.form.refusal(); refusal != nil {
		return refusal
	}
	if wanted.price > c.Credits {
		return fail(http.StatusPaymentRequired, "Not enough credits to create this server.")
	}
	c.Credits -= wanted.price
	s := c.AddServer(wanted.Server)
	c.begin(s, Provisioning)
	return created(c.createdServer(s, provisioningMessage))
}

// newServer reads the form of a create; names need not be unique, VPS.org does not promise it.
func (c *call) newServer() (n newServer) {
	n.Status = Provisioning
	if name := c.form.text("name", true, serverName); name != nil {
		n.Name = *name
	}
	if host := c.form.text("hostname", false, hostname); host != nil {
		n.Hostname = *host
	}
	if enabled := c.form.boolean("backups_enabled", false); enabled != nil {
		n.BackupsEnabled = *enabled
	}
	if id := c.idField("os_id", true); id != nil {
		if n.OS = c.OS[*id]; n.OS.ID == 0 {
			c.form.fail("os_id", "Unknown operating system.")
		}
	}
	// Nothing lists SSH keys, so any id will do.
	c.idField("ssh_key_id", false)
	c.newServerPlan(&n)
	return n
}

// newServerPlan reads plan and location, which must fit each other.
func (c *call) newServerPlan(n *newServer) {
	located := false
	if location := c.form.text("location", true, anyText); location != nil {
		if n.Location, located = *location, c.located(*location); !located {
			c.form.fail("location", "Unknown location.")
		}
	}
	id := c.idField("plan_id", true)
	if id == nil {
		return
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
		n.Plan, n.price = c.serverPlan(plan.ID), plan.PriceMonthly
	}
}

// located says whether a location exists: plans are the only source of them.
func (c *call) located(location string) bool {
	for _, p := range c.Plans {
		if slices.Contains(p.Locations, location) {
			return true
		}
	}
	return false
}

// updateServer changes the fields that were sent, of the three that can be changed.
func (c *call) updateServer() *answer { return c.changeServer(false) }

func (c *call) replaceServer() *answer { return c.changeServer(true) }

func (c *call) changeServer(all bool) *answer {
	s, missing := c.server()
	if missing != nil {
		return missing
	}
	name, host := c.form.text("name", all, serverName), c.form.text("hostname", all, hostname)
	enabled := c.form.boolean("backups_enabled", all)
	if refusal := c.form.refusal(); refusal != nil {
		return refusal
	}
	set(&s.Name, name)
	set(&s.Hostname, host)
	set(&s.BackupsEnabled, enabled)
	s.UpdatedAt = c.now
	return ok(c.serverDetail(s))
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

func (c *call) deleteServer() *answer {
	if _, missing := c.server(); missing != nil {
		return missing
	}
	c.DeleteServer(c.id)
	return deleted()
}
