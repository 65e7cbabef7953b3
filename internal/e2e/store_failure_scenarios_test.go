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

// scenario is a sequence of steps from a request to its outcome. A step that fails does not end it: the
// people go on with the steps that still apply.
type scenario struct {
	operation  string
	input      string
	others     bool // the policy requires a second person
	api        simulator.Interceptor
	steps      func(p *scenarioRun)
	wantWrites int            // writes sent when nothing fails
	wantState  approval.State // of the record, when nothing fails
}

const remove, change = `{"server":"web-server-01"}`, `{"server":"web-server-01","hostname":"new.example.com"}`

var scenarios = map[string]scenario{
	"without approval":              {"servers.update", change, false, nil, (*scenarioRun).request, 1, approval.Done},
	"interactive answer":            {"servers.delete", remove, false, nil, typeAnswer, 1, approval.Done},
	"approved, requested again":     {"servers.delete", remove, false, nil, approveThenRequest, 1, approval.Done},
	"approved, run by its watcher":  {"servers.delete", remove, false, nil, approveThenRun, 1, approval.Done},
	"escalated":                     {"servers.delete", remove, false, nil, escalateThenApprove, 1, approval.Done},
	"two approvers":                 {"servers.delete", remove, true, nil, approveTogether, 1, approval.Done},
	"answer lost after the change":  {"servers.delete", remove, false, applyThen502, typeAnswer, 1, approval.Done},
	"answer lost before the change": {"servers.delete", remove, false, abortRequest, typeAnswer, 1, approval.NotApplied},
	"refused by the API":            {"servers.delete", remove, false, refusedByAPI, typeAnswer, 1, approval.Failed},
	"declined":                      {"servers.delete", remove, false, nil, declineCard, 0, approval.Denied},
	"denied by decision":            {"servers.delete", remove, false, nil, deniedElsewhere, 0, approval.Denied},
	"cancelled":                     {"servers.delete", remove, false, nil, cancelled, 0, approval.Cancelled},
	"expired":                       {"servers.delete", remove, false, nil, expired, 0, approval.Expired},
	"changed meanwhile":             {"servers.delete", remove, false, nil, changedMeanwhile, 0, approval.Stale},
	"frozen and unfrozen":           {"servers.update", change, false, nil, frozen, 1, approval.Done},
}

func typeAnswer(p *scenarioRun) { p.request(); p.answer(true) }

func approveThenRequest(p *scenarioRun) { p.request(); p.decide(alice, true); p.request() }

func approveThenRun(p *scenarioRun) { p.request(); p.decide(alice, true); p.runApproved() }

func escalateThenApprove(p *scenarioRun) {
	p.request()
	p.escalate()
	p.decide(alice, true)
	p.request()
}

func approveTogether(p *scenarioRun) {
	p.request()
	p.answer(true)
	p.decide(bob, true)
	p.runApproved()
}

func declineCard(p *scenarioRun) { p.request(); p.answer(false) }

func deniedElsewhere(p *scenarioRun) { p.request(); p.decide(alice, false) }

func cancelled(p *scenarioRun) { p.request(); p.cancel() }

func expired(p *scenarioRun) { p.request(); p.world.clock.Advance(61 * time.Minute); p.answer(true) }

func changedMeanwhile(p *scenarioRun) {
	p.request()
	p.world.sim.Edit(func(w *simulator.World) {
		if s := w.ServerNamed("web-server-01"); s != nil {
			s.IPAddress = "203.0.113.99"
		}
	})
	p.answer(true)
}

func frozen(p *scenarioRun) {
	p.freeze()
	p.request()
	p.unfreeze()
	p.request()
}

type discardResponse struct{ header http.Header }

func (d discardResponse) Header() http.Header       { return d.header }
func (discardResponse) Write(p []byte) (int, error) { return len(p), nil }
func (discardResponse) WriteHeader(int)             {}

func applyThen502(w http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(discardResponse{http.Header{}}, r)
	w.WriteHeader(http.StatusBadGateway)
}

func abortRequest(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

func refusedByAPI(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.WriteHeader(http.StatusBadRequest)
}

// scenarioRun is one run of a scenario, by one process.
type scenarioRun struct {
	scenario
	world          *world
	runner         *runner.Runner
	asked          *approval.Record // as the requester last got it
	replies        []runner.Reply   // to the requester
	consentCounted bool             // a person's approval was confirmed
	denialCounted  bool             // a person's denial or cancellation was confirmed
	frozen         bool             // a freeze was confirmed
}

func (p *scenarioRun) call() runner.Call { return call(alice, p.operation, "%s", p.input) }

func (p *scenarioRun) addReply(reply runner.Reply) {
	p.replies = append(p.replies, reply)
	if reply.Record != nil {
		p.asked = reply.Record
	}
}

func (p *scenarioRun) request() {
	if !p.hasOutcome() {
		p.addReply(p.runner.Run(p.world.Context(), p.call()))
	}
}

// hasOutcome reports whether the requester has got an outcome: they request no more then.
func (p *scenarioRun) hasOutcome() bool {
	for _, reply := range p.replies {
		if reply.Record != nil && !reply.Record.State.IsOpen() {
			return true
		}
	}
	return false
}

func (p *scenarioRun) answer(agree bool) {
	if p.asked == nil || p.hasOutcome() {
		return
	}
	a := yes(p.asked)
	a.Yes = agree
	reply := p.runner.Answer(p.world.Context(), p.call(), a)
	p.consentCounted = p.consentCounted || agree && reply.Outcome == runner.ApprovalRequired && reply.Class == runner.Waiting
	p.denialCounted = p.denialCounted || !agree && reply.Outcome == runner.Declined
	p.addReply(reply)
}

func (p *scenarioRun) decide(who permissions.Actor, agree bool) {
	if p.asked == nil || p.hasOutcome() {
		return
	}
	a := runner.Answer{Approval: p.asked.ID, Channel: permissions.Terminal, Yes: agree, Text: p.asked.Confirm}
	if _, err := p.runner.Decide(p.world.Context(), who, a, ""); err == nil {
		p.consentCounted, p.denialCounted = p.consentCounted || agree, p.denialCounted || !agree
	}
}

func (p *scenarioRun) runApproved() {
	if p.asked == nil || p.hasOutcome() {
		return
	}
	_, _ = p.runner.RunApproved(p.world.Context(), p.call(), p.asked.ID) // a failed run is repeated
}

func (p *scenarioRun) escalate() {
	if p.asked != nil && !p.hasOutcome() {
		op, _ := tools.Default.Lookup(p.operation)
		p.addReply(p.runner.Escalate(p.world.Context(), op, p.asked.ID, "the client cannot ask"))
	}
}

func (p *scenarioRun) cancel() {
	if p.asked != nil && !p.hasOutcome() {
		if _, err := p.runner.Cancel(p.world.Context(), alice, p.asked.ID); err == nil {
			p.denialCounted = true
		}
	}
}

func (p *scenarioRun) freeze() {
	if p.hasOutcome() {
		return
	}
	p.frozen = p.runner.Freeze(p.world.Context(), bob, permissions.Terminal, "") == nil
}

func (p *scenarioRun) unfreeze() {
	if err := p.runner.Unfreeze(p.world.Context(), bob, permissions.Terminal); err == nil {
		p.frozen = false
	}
}

// saysNothingSent reports whether a reply says that nothing was sent.
func saysNothingSent(reply runner.Reply) bool {
	return strings.Contains(strings.ToLower(reply.Message), "nothing was sent")
}
