package runner

import (
	"context"
	"strings"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

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
