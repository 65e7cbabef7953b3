package simulator

import (
	"fmt"
	"time"
)

// transition is the status that follows a transitional status, and its duration at VPS.org.
type transition struct {
	to    string
	after time.Duration
}

const (
	createTime  = 180 * time.Second
	powerTime   = 30 * time.Second
	imageTime   = 240 * time.Second
	restoreTime = 420 * time.Second
)

var transitions = map[string]transition{
	Provisioning: {Active, createTime},
	Starting:     {Active, powerTime},
	Stopping:     {Stopped, powerTime},
	Rebooting:    {Active, powerTime},
	Restoring:    {Active, restoreTime},
	InProgress:   {Completed, imageTime},
}

// advance ends the transitional statuses whose time is over.
func (w *World) advance(now time.Time) {
	w.now = now
	for _, s := range w.orderedServers() {
		if !s.SettlesAt.IsZero() {
			w.settleServer(s)
		}
	}
	for _, b := range w.Backups {
		w.settleImage(&b.Image)
	}
	for _, s := range w.Snapshots {
		w.settleImage(&s.Image)
	}
}

// settle ends a transitional status if its time is over, and reports whether it did.
func (w *World) settle(status *string, at *time.Time) bool {
	t, moves := transitions[*status]
	if !moves || at.IsZero() || w.now.Before(*at) {
		return false
	}
	*status, *at = t.to, time.Time{}
	return true
}

func (w *World) settleServer(s *Server) {
	end := s.SettlesAt
	if !w.settle(&s.Status, &s.SettlesAt) {
		return
	}
	s.UpdatedAt = end
	if s.Status == Active {
		w.address(s)
	}
}

func (w *World) settleImage(i *Image) {
	if w.settle(&i.Status, &i.SettlesAt) {
		w.fillImage(i)
	}
}

func (w *World) setStatus(s *Server, status string) {
	s.Status, s.UpdatedAt, s.SettlesAt = status, w.now, w.settlesAt(status)
}

// settlesAt returns when a transitional status that begins now ends.
func (w *World) settlesAt(status string) time.Time {
	return w.now.Add(time.Duration(float64(transitions[status].after) / w.opts.Speed))
}

// fillImage sets the missing fields of an image; the size once it is completed.
func (w *World) fillImage(i *Image) {
	orDefault(&i.Status, Completed)
	if server := w.Servers[i.ServerID]; server != nil {
		orDefault(&i.ServerName, server.Name)
	}
	if i.Status == Completed {
		orDefault(&i.SizeMB, 4000+i.ID%500)
	}
}

func (w *World) fillServer(s *Server) {
	orDefault(&s.Name, fmt.Sprintf("server-%d", s.ID))
	orDefault(&s.Status, Active)
	orDefault(&s.Location, "us-west")
	if s.Plan.ID == 0 {
		s.Plan = w.serverPlan(1)
	}
	orDefault(&s.OS, sample().Systems[5])
	orDefault(&s.CreatedAt, w.now)
	orDefault(&s.UpdatedAt, s.CreatedAt)
	if s.Status != Provisioning {
		w.address(s)
	}
}

// address sets the addresses of a server, from the ranges reserved for documentation and benchmarks.
func (w *World) address(s *Server) {
	n := s.ID - firstServer
	v4 := fmt.Sprintf("203.0.113.%d", 10+n)
	if n < 0 || n > 240 {
		v4 = fmt.Sprintf("198.18.%d.%d", s.ID>>8&0xff, s.ID&0xff)
	}
	orDefault(&s.IPAddress, v4)
	orDefault(&s.IPv6Address, fmt.Sprintf("2001:0db8::%x", max(n+1, 0)))
}

// serverPlan returns a plan as server objects have it: the documentation's pages contradict each other for the
// first two.
func (w *World) serverPlan(id int) Plan {
	if plan, special := sample().ServerPlans[id]; special {
		return plan
	}
	return *w.Plans[id]
}
