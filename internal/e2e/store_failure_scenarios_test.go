package e2e_test

import (
	"net/http"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// scenario is one story of a change, told to its end. Its steps do not mind that one fails:
// they go on like people who were told so, and begin again.
type scenario struct {
	operation string
	input     string
	others    bool // the policy wants a second person
	api       simulator.Interceptor
	play      func(p *play)
	sends     int            // how many writes the story sends when nothing fails
	ends      approval.State // of its record, when nothing fails
}

const remove, change = `{"server":"web-server-01"}`, `{"server":"web-server-01","hostname":"new.example.com"}`

var scenarios = map[string]scenario{
	"needs nobody":                      {"servers.update", change, false, nil, (*play).ask, 1, approval.Done},
	"typed where it was asked":          {"servers.delete", remove, false, nil, typed, 1, approval.Done},
	"agreed elsewhere, asked again":     {"servers.delete", remove, false, nil, askedAgain, 1, approval.Done},
	"agreed elsewhere, run by watching": {"servers.delete", remove, false, nil, watched, 1, approval.Done},
	"handed over":                       {"servers.delete", remove, false, nil, handedOver, 1, approval.Done},
	"two people":                        {"servers.delete", remove, true, nil, twoPeople, 1, approval.Done},
	"answer lost after the change":      {"servers.delete", remove, false, lostAfter, typed, 1, approval.Done},
	"answer lost before the change":     {"servers.delete", remove, false, lostBefore, typed, 1, approval.NotApplied},
	"refused by the API":                {"servers.delete", remove, false, refusedByAPI, typed, 1, approval.Failed},
	"declined":                          {"servers.delete", remove, false, nil, declined, 0, approval.Denied},
	"denied elsewhere":                  {"servers.delete", remove, false, nil, deniedElsewhere, 0, approval.Denied},
	"cancelled":                         {"servers.delete", remove, false, nil, cancelled, 0, approval.Cancelled},
	"expired":                           {"servers.delete", remove, false, nil, expired, 0, approval.Expired},
	"changed meanwhile":                 {"servers.delete", remove, false, nil, changedMeanwhile, 0, approval.Stale},
	"frozen and unfrozen":               {"servers.update", change, false, nil, frozen, 1, approval.Done},
}

func typed(p *play) { p.ask(); p.answer(true) }

func askedAgain(p *play) { p.ask(); p.decide(alice, true); p.ask() }

func watched(p *play) { p.ask(); p.decide(alice, true); p.watch() }

func handedOver(p *play) { p.ask(); p.handover(); p.decide(alice, true); p.ask() }

func twoPeople(p *play) { p.ask(); p.answer(true); p.decide(bob, true); p.watch() }

func declined(p *play) { p.ask(); p.answer(false) }

func deniedElsewhere(p *play) { p.ask(); p.decide(alice, false) }

func cancelled(p *play) { p.ask(); p.cancel() }

func expired(p *play) { p.ask(); p.world.clock.Advance(61 * time.Minute); p.answer(true) }

func changedMeanwhile(p *play) {
	p.ask()
	p.world.sim.Edit(func(w *simulator.World) {
		if s := w.ServerNamed("web-server-01"); s != nil {
			s.IPAddress = "203.0.113.99"
		}
	})
	p.answer(true)
}

func frozen(p *play) {
	p.freeze()
	p.ask()
	p.unfreeze()
	p.ask()
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header       { return d.header }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

func lostAfter(w http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(discard{http.Header{}}, r)
	w.WriteHeader(http.StatusBadGateway)
}

func lostBefore(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

func refusedByAPI(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.WriteHeader(http.StatusBadRequest)
}

// play is one telling of a scenario, by one process.
type play struct {
	scenario
	world  *world
	runner *runner.Runner
	asked  *approval.Record // what the asker knows of the record
	heard  []runner.Reply   // what the asker was told
	agreed bool             // a person was told that their yes counts
	denied bool             // a person was told that their no counts, or that it was cancelled
	frozen bool             // somebody was told that all is frozen
}

func (p *play) call() runner.Call { return call(alice, p.operation, "%s", p.input) }

func (p *play) hear(reply runner.Reply) {
	p.heard = append(p.heard, reply)
	if reply.Record != nil {
		p.asked = reply.Record
	}
}

func (p *play) ask() {
	if !p.settled() {
		p.hear(p.runner.Run(p.world.Context(), p.call()))
	}
}

// settled reports whether the asker was told an end already: nobody asks on then.
func (p *play) settled() bool {
	for _, reply := range p.heard {
		if reply.Record != nil && !reply.Record.State.IsOpen() {
			return true
		}
	}
	return false
}

func (p *play) answer(agree bool) {
	if p.asked == nil || p.settled() {
		return
	}
	a := yes(p.asked)
	a.Yes = agree
	reply := p.runner.Answer(p.world.Context(), p.call(), a)
	p.agreed = p.agreed || agree && reply.Outcome == runner.ApprovalRequired && reply.Class == runner.Waiting
	p.denied = p.denied || !agree && reply.Outcome == runner.Declined
	p.hear(reply)
}

func (p *play) decide(who permissions.Actor, agree bool) {
	if p.asked == nil || p.settled() {
		return
	}
	a := runner.Answer{Approval: p.asked.ID, Channel: permissions.Terminal, Yes: agree, Text: p.asked.Confirm}
	if _, err := p.runner.Decide(p.world.Context(), who, a, ""); err == nil {
		p.agreed, p.denied = p.agreed || agree, p.denied || !agree
	}
}

func (p *play) watch() {
	if p.asked == nil || p.settled() {
		return
	}
	_, _ = p.runner.RunApproved(p.world.Context(), p.call(), p.asked.ID) // what fails is tried again
}

func (p *play) handover() {
	if p.asked != nil && !p.settled() {
		op, _ := tools.Default.Lookup(p.operation)
		p.hear(p.runner.Escalate(p.world.Context(), op, p.asked.ID, "the client cannot ask"))
	}
}

func (p *play) cancel() {
	if p.asked != nil && !p.settled() {
		if _, err := p.runner.Cancel(p.world.Context(), alice, p.asked.ID); err == nil {
			p.denied = true
		}
	}
}

func (p *play) freeze() {
	if p.settled() {
		return
	}
	p.frozen = p.runner.Freeze(p.world.Context(), bob, permissions.Terminal, "") == nil
}

func (p *play) unfreeze() {
	if err := p.runner.Unfreeze(p.world.Context(), bob, permissions.Terminal); err == nil {
		p.frozen = false
	}
}

// isNothingSent reports whether a reply says that nothing was sent.
func isNothingSent(reply runner.Reply) bool {
	return strings.Contains(strings.ToLower(reply.Message), "nothing was sent")
}
