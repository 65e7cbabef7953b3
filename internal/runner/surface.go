package runner

import (
	"context"
	"strings"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// What a surface needs beside running a call.

// onRecord tells the surface which record its call has made or found.
func (c Call) onRecord(rec approval.Record) {
	if c.OnRecord != nil {
		c.OnRecord(rec)
	}
}

// CallOf returns the call that made a record, to go on with it: the actor and the place are
// those of the asker.
func (r *Runner) CallOf(rec approval.Record) Call {
	ask := r.askOf(rec)
	return Call{
		Operation: rec.Operation, Actor: ask.Actor, Surface: ask.Surface, Channel: ask.Channel, Groups: ask.Groups,
		External: ask.External, Interactive: rec.Interactive, CanPrompt: true,
	}
}

// Scope returns the query for the records of this installation's own account.
func (r *Runner) Scope(ctx context.Context) (approval.Query, error) {
	if _, err := r.token(r.pin(ctx), false); err != nil {
		return approval.Query{}, err
	}
	return approval.Query{API: r.API, Account: r.account()}, nil
}

// IsOwn reports whether a record was asked for on this very API and account, with this token.
func (r *Runner) IsOwn(ctx context.Context, rec approval.Record) bool {
	own, err := r.Scope(ctx)
	return err == nil && rec.API == own.API && rec.Account == own.Account && rec.TokenName == r.tokenName()
}

// AsOfNow expires a record whose time is over, and returns how it stands.
func (r *Runner) AsOfNow(ctx context.Context, rec approval.Record) approval.Record {
	store, err := r.openStore(ctx)
	if err != nil {
		return rec
	}
	return r.asOfNow(ctx, store, rec)
}

// Standing says in a sentence how a record stands.
func Standing(rec approval.Record) string {
	if rec.Message != "" {
		return rec.Message
	}
	return Subject(rec) + ": " + standsAs(rec) + "."
}

// Explain says what went wrong, and what to do.
func Explain(err error) string { return explain(err) }

// Why explains what decides about a call, and what it would need. It sends nothing but reads.
func (r *Runner) Why(ctx context.Context, call Call) string {
	op, ok := r.Catalogue.Lookup(call.Operation)
	if !ok {
		return NoSuchOperation(r.Catalogue, call.Operation)
	}
	ctx = r.pin(ctx)
	target := op.NoTarget()
	if name := whyServer(call.Input); name != "" && target == nil {
		found, err := r.whyTarget(ctx, op, name, call)
		if err != nil {
			return explain(err)
		}
		target = found
	}
	d := r.decide(ctx, call.ask(op, tools.Input{}, op.Risk, target))
	if !d.Allowed {
		return op.Name + " is refused: " + d.Reason
	}
	token, err := r.token(ctx, false)
	if err != nil {
		return explain(err)
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

// needs says what a decision asks for before anything is done.
func needs(d permissions.Decision) string {
	var parts []string
	switch {
	case d.Own && d.Risk.NeedsTypedName():
		parts = append(parts, "the name typed")
	case d.Own:
		parts = append(parts, "your yes")
	}
	if d.Others > 0 {
		parts = append(parts, "the consent of "+strings.TrimSuffix(strings.TrimPrefix(othersNeeded(d), "Needs the consent of "), "."))
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

// whyServer is the server that somebody asks about.
func whyServer(raw []byte) string {
	given, err := tools.DecodeObject(raw)
	if err != nil {
		return ""
	}
	return scalar(given["server"])
}

// whyTarget reads the server that somebody asks about, if they may read it.
func (r *Runner) whyTarget(ctx context.Context, op *tools.Op, asked string, call Call) (*permissions.TargetServer, error) {
	id, err := apiclient.ParseID(asked)
	if err != nil {
		s, err := r.named(ctx, op, asked, call)
		return behind(s), err
	}
	s, err := r.Client.Servers.Get(ctx, id)
	if err != nil {
		return nil, ownError(tools.NoSuchServer(err, id))
	}
	if len(r.visible(op, []apiclient.Server{s}, call)) == 0 {
		return &permissions.TargetServer{ID: id.String()}, nil // its name is not theirs to know
	}
	return behind(s), nil
}
