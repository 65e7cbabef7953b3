package mcpserver

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/background"
	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

// takeResponse takes the response to a question, at whatever replica it arrives.
func (x *exchange) takeResponse(c client, e envelope) {
	if c.session != "" && x.respond(c, e) {
		x.end(http.StatusAccepted, nil)
		return
	}
	if refused := x.answerElsewhere(x.r.Context(), c, e); refused != nil {
		x.end(http.StatusBadRequest, refused.reply(e.ID))
		return
	}
	x.end(http.StatusAccepted, nil)
}

// answerElsewhere takes the response to a question whose call waits at another replica, or whose stream is lost. It
// returns why the answer does not count. A client that hangs up has answered all the same.
func (h *HTTP) answerElsewhere(ctx context.Context, c client, e envelope) *rpcError {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	if why := h.storeAnswer(ctx, c, e); why != "" {
		return &rpcError{Code: mcp.INVALID_REQUEST, Message: why}
	}
	return nil
}

// storeAnswer stores a yes, which the replica that waits runs, or whichever sees it first. It returns why the answer
// does not count.
func (h *HTTP) storeAnswer(ctx context.Context, c client, e envelope) (why string) {
	approvalID, automatic, err := h.Runner.ConsumeChallenge(ctx, strings.Trim(string(e.ID), `"`), c.session)
	if err != nil {
		return h.Runner.RefuseAnswer(ctx, nil, runner.Call{Actor: c.actor, Surface: permissions.MCP, Remote: true}, err).Message
	}
	store, err := h.Runner.Store(ctx)
	if err != nil {
		return runner.Explain(err)
	}
	rec, err := store.Record(ctx, approvalID)
	if err != nil {
		return runner.Explain(err)
	}
	op, ok := h.Runner.Catalogue.Lookup(rec.Operation)
	if !ok {
		return runner.NoSuchOperation(h.Runner.Catalogue, rec.Operation)
	}
	x := toolCall{Server: h.Server, client: c, op: op, call: h.Runner.CallOf(rec)}
	x.call.Actor, x.call.Remote = c.actor, true
	tooFast := x.noteAnswer(rec.ID, automatic)
	r := parseResponse(e.Result, e.Error)
	if r.err != nil {
		x.escalate(ctx, rec.ID, "", "the client could not ask")
		return ""
	}
	given := parseAnswer([]byte(r.result))
	if given.action == "" {
		return x.refuse(ctx, runner.ErrUnreadable).Message
	}
	answer, escalated := x.judge(rec, given, tooFast)
	if escalated != nil {
		x.escalate(ctx, rec.ID, "", escalated.logged)
		return ""
	}
	return x.decideElsewhere(ctx, rec, answer)
}

// decideElsewhere stores a person's answer without the call that asked.
func (x *toolCall) decideElsewhere(ctx context.Context, rec approval.Record, answer runner.Answer) (why string) {
	if !answer.Yes || rec.Confirm != "" && answer.Text != rec.Confirm {
		if reply := x.Runner.Answer(ctx, x.call, answer); reply.Outcome == runner.Refused {
			return reply.Message
		}
		return ""
	}
	if _, err := x.Runner.Decide(ctx, x.client.actor, answer, ""); err != nil {
		return runner.Explain(err)
	}
	return ""
}

// RunApproved looks once a second, until ctx ends, for changes that were asked for over HTTP and are agreed to, and
// runs them, whichever replica asked: the claim lets one of them. It then waits for those that run here. Calls that
// wait for an answer learn of one that was given elsewhere.
func (h *HTTP) RunApproved(ctx context.Context) {
	loop := background.Loop{Interval: h.interval(), Log: h.Log, Message: "looking for changes that were agreed to elsewhere", Pulse: h.o.Pulse}
	loop.Run(ctx, h.look)
	h.runs.Wait()
}

func (h *HTTP) look(ctx context.Context) error {
	scope, err := h.Runner.Scope(ctx)
	if err != nil {
		return err
	}
	store, err := h.Runner.Store(ctx)
	if err != nil {
		return err
	}
	scope.States = []approval.State{approval.Approved}
	records, err := store.Find(ctx, scope)
	if err != nil {
		return err
	}
	for _, rec := range records {
		if rec.Session == approval.ServeSession {
			h.run(rec)
		}
	}
	return h.tellWaiting(ctx, store)
}

// tellWaiting ends the waits of calls whose record was answered at another replica or on another surface. A form that
// was closed at another replica ends none: other calls of the same record may have theirs open.
func (h *HTTP) tellWaiting(ctx context.Context, store approval.Store) error {
	waiting := h.approvals.waitedFor()
	if len(waiting) == 0 {
		return nil
	}
	records, err := store.Find(ctx, approval.Query{IDs: waiting})
	for _, rec := range records {
		if !rec.State.Waits() {
			h.approvals.remove(rec.ID, true)
		}
	}
	return err
}

// run runs a change that is agreed to. It is seen to its end, also when the server stops. While another change holds
// its target it is tried ever more rarely, since each attempt is a row of the log.
func (h *HTTP) run(rec approval.Record) {
	if _, runs := h.running.LoadOrStore(rec.ID, true); runs {
		return
	}
	h.runs.Go(func() {
		defer h.running.Delete(rec.ID)
		defer h.recoverPanic("running an approved change")
		for pause := h.interval(); ; pause = min(2*pause, maxPollInterval) {
			now, err := h.Runner.RunApproved(context.Background(), h.Runner.CallOf(rec), rec.ID)
			if err != nil {
				h.Log.Warn("running a change that was agreed to elsewhere", "approval", rec.ID, "error", err)
			}
			if now.State != approval.Approved || backoff.Sleep(h.stopping, pause) != nil {
				return
			}
		}
	})
}

func (h *HTTP) interval() time.Duration { return cmp.Or(h.poll, pollInterval) }
