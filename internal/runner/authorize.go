package runner

import (
	"context"
	"strings"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/internal/trace"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// authorize decides whether a call may go on, as far as that goes without the target: the
// policy for the actor, then the token's permissions. Where the policy says no, nothing at
// all has been sent; where the token does, nothing but GET /account/me/.
func (q request) authorize(ctx context.Context, fresh bool) (err error) {
	ctx, span := trace.Start(ctx, "authorize")
	defer endStep(span, &err)
	if d := q.Policy().Decide(q.call.ask(q.op, q.in, q.op.Risk, q.op.NoTarget())); !d.Allowed {
		return &tools.Refusal{Text: q.op.Name + " is refused: " + d.Reason}
	}
	if len(q.op.Needs) == 0 && q.op.IsRead() {
		return nil // the call itself is the check
	}
	token, err := q.token(ctx, fresh)
	if err != nil {
		return err
	}
	if d := token.Allows(q.op.Needs, q.Now()); !d.Allowed {
		return &tools.Refusal{Text: q.op.Name + " is refused: " + d.Reason}
	}
	return nil
}

// decide asks the policy. Where it does not say who may carry a yes to what an assistant wants
// to destroy, and a person can be asked in Slack, the assistant's own client may not: some of them
// answer by themselves. A client over HTTP never may then: it runs on a machine that nobody here knows.
func (r *Runner) decide(ctx context.Context, ask permissions.Ask) permissions.Decision {
	d := r.Policy().Decide(ask)
	if d.Others > 0 && len(d.Approvers) == 0 {
		d.Approvers = r.Policy().Candidates(ask)
	}
	if d.Allowed && d.Channels == nil && d.Risk == permissions.Destructive && (ask.Remote || ask.Surface == permissions.MCP && r.connected(ctx)) {
		d.Channels = []permissions.Surface{permissions.Slack, permissions.Terminal}
	}
	return d
}

func (r *Runner) connected(ctx context.Context) bool { return r.Slack != nil && r.Slack(ctx) }

// ask puts a call to the policy as a question.
func (c Call) ask(op *tools.Op, in tools.Input, risk permissions.Risk, target *permissions.TargetServer) permissions.Ask {
	return permissions.Ask{
		Actor: c.Actor, Groups: c.Groups, External: c.External, Surface: c.Surface, Channel: c.Channel, Remote: c.Remote,
		Operation: op.Name, Risk: risk, Target: target, Creates: op.Resource.IsNew, NewName: op.NewName(in),
	}
}

func behind(s apiclient.Server) *permissions.TargetServer {
	return &permissions.TargetServer{ID: s.ID.Key(), Name: s.Name}
}

// authorizeTarget decides again, now that the server behind the call is known.
func (q request) authorizeTarget(ctx context.Context, t tools.Target) (permissions.Decision, error) {
	ask := q.call.ask(q.op, q.in, q.op.Risk, behind(t.Server))
	ask.Raised = q.op.RiskOf(t, q.in)
	d := q.decide(ctx, ask)
	if !d.Allowed {
		return d, &tools.Refusal{Text: q.op.Do(q.refused(t)) + " is refused: " + d.Reason}
	}
	return d, nil
}

// refused names the target of a refusal: the name of a server is only for those who may read it, the
// others hear again what they asked for.
func (q request) refused(t tools.Target) string {
	mayRead := q.Policy().Decide(q.call.ask(q.Catalogue.ServerGet(), tools.Input{}, permissions.Read, behind(t.Server))).Allowed
	if q.op.Resource.OnServer() && (mayRead || q.op.Resource.IsNew) {
		return q.op.TargetName(t)
	}
	return q.op.Resource.Asked(q.in)
}

// authorizeRead decides again about the one server that a read is about. Where its name makes no difference, as without
// a policy file, it is not read for the decision's sake; for a refusal it is.
func (q request) authorizeRead(ctx context.Context, server apiclient.ID) error {
	policy := q.Policy()
	if server.IsZero() || policy.Book == nil {
		return nil
	}
	ask := q.call.ask(q.op, q.in, q.op.Risk, behind(apiclient.Server{ID: server}))
	if !policy.DependsOnServer(ask) && policy.Decide(ask).Allowed {
		return nil
	}
	s, err := q.Client.Servers.Get(ctx, server)
	if err != nil {
		return tools.NoSuchServer(err, server)
	}
	_, err = q.authorizeTarget(ctx, tools.Target{ID: s.ID, Server: s})
	return err
}

// readable leaves out of a list what belongs to servers that the actor may not read.
func (q request) readable(policy permissions.Policy, value any) any {
	if policy.Book == nil || q.op.View.Keep == nil {
		return value
	}
	return q.op.View.Keep(value, policy.AllowedOn(q.call.ask(q.op, tools.Input{}, permissions.Read, nil)))
}

// Offered returns the operations that the actor of a call may run from where it is made,
// sorted by name, and why each of the others may not. Where the token cannot be asked, err says why and all that
// the policy lets exist is offered.
func (r *Runner) Offered(ctx context.Context, call Call) (ops []*tools.Op, why map[string]string, err error) {
	token, err := r.token(ctx, false)
	why = map[string]string{}
	policy := r.Policy()
	for _, op := range r.Catalogue.Operations() {
		d := policy.Decide(call.ask(op, tools.Input{}, op.Risk, op.NoTarget()))
		if d.Allowed && err == nil {
			d = token.Allows(op.Needs, r.Now())
		}
		if d.Allowed {
			ops = append(ops, op)
		} else {
			why[op.Name] = d.Reason
		}
	}
	return ops, why, err
}

// Why explains what decides about a call, and what it would need. It sends nothing but reads.
func (r *Runner) Why(ctx context.Context, call Call) string {
	op, ok := r.Catalogue.Lookup(call.Operation)
	if !ok {
		return NoSuchOperation(r.Catalogue, call.Operation)
	}
	ctx = r.pin(ctx)
	target := op.NoTarget()
	if name := whyServer(call.Input); name != "" && target == nil {
		found, err := request{Runner: r, call: call, op: op}.whyTarget(ctx, name)
		if err != nil {
			return Explain(err)
		}
		target = found
	}
	d := r.decide(ctx, call.ask(op, tools.Input{}, op.Risk, target))
	if !d.Allowed {
		return op.Name + " is refused: " + d.Reason
	}
	token, err := r.token(ctx, false)
	if err != nil {
		return Explain(err)
	}
	if t := token.Allows(op.Needs, r.Now()); !t.Allowed {
		return op.Name + " is refused: " + t.Reason
	}
	return op.Name + " is allowed" + byRule(d) + ". " + needs(d)
}

func byRule(d permissions.Decision) string {
	switch d.Rule {
	case "":
		return ""
	case permissions.ByProtection:
		return ", and the policy protects the server"
	case permissions.ByRename:
		return ", and the new name lets somebody do more"
	}
	return " by the policy's rule " + text.Quote(d.Rule)
}

func needs(d permissions.Decision) string {
	var parts []string
	switch {
	case d.Own && d.Risk.NeedsTypedName():
		parts = append(parts, "the name typed")
	case d.Own:
		parts = append(parts, "your yes")
	}
	if d.Others > 0 {
		parts = append(parts, "the consent of "+othersNeeded(d))
	}
	if len(parts) == 0 {
		return "It needs nobody's consent."
	}
	says := "It needs " + strings.Join(parts, ", and ") + "."
	if d.Channels != nil {
		says += " Answers count from: " + surfaces(d.Channels) + "."
	}
	return says
}

func whyServer(raw []byte) string {
	given, err := tools.DecodeObject(raw)
	if err != nil {
		return ""
	}
	return string(appendScalar(nil, decoderOf(given["server"])))
}

func (q request) whyTarget(ctx context.Context, asked string) (*permissions.TargetServer, error) {
	id, err := apiclient.ParseID(asked)
	if err != nil {
		s, err := q.named(ctx, asked)
		return behind(s), err
	}
	s, err := q.Client.Servers.Get(ctx, id)
	if err != nil {
		return nil, tools.NoSuchServer(err, id)
	}
	if len(q.visible([]apiclient.Server{s})) == 0 {
		return &permissions.TargetServer{ID: id.String()}, nil // its name is not theirs to know
	}
	return behind(s), nil
}
