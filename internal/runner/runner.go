// Package runner is the only way to run an operation: it decodes, authorizes, resolves, plans, asks for
// confirmation, executes, reads a lost answer back and waits, in the order of docs/architecture.md.
package runner

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/internal/trace"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// Runner is the only way to run an operation. Its fields are set once, before the first
// call; it is safe for concurrent use.
type Runner struct {
	Catalogue  *tools.Catalogue // nil: that of the product
	Client     *apiclient.Client
	API        string                                                           // the API's base URL, which the records name
	Token      func() (string, error)                                           // the token in use, to notice when it changes
	Policy     func() permissions.Policy                                        // what this installation lets anybody do, as it stands now
	Store      func(context.Context) (approval.Store, error)                    // opened when first needed: a read needs none
	Slack      func(context.Context) bool                                       // whether a person can be asked in Slack; nil: not
	Ended      func(context.Context, permissions.Actor) (why string, err error) // why an identity counts no more; nil: each counts
	Groups     func(context.Context, permissions.Actor) []string                // the Slack user groups that somebody is in now; nil: they cannot be asked for
	AuditReads bool                                                             // write an audit row for each read too
	Profile    string                                                           // the profile in force, to show; empty: none
	Process    string                                                           // names the session of this process, at random
	Now        func() time.Time
	Random     io.Reader // for ids and nonces
	Log        *slog.Logger
	Tracer     *trace.Tracer                        // begins traces of what no surface called for; nil: nothing is traced
	Sleep      func(context.Context, time.Duration) // between reads of the store or the API; nil: a real pause

	cache           tokenCache
	schedule        readBackSchedule
	pendingOutcomes sync.Map // by a record's id: outcomes that the store did not take
	calling         sync.Map // by a record's id: calls under way here
}

// Call is one operation that an actor asks for.
type Call struct {
	Operation   string
	Input       []byte // a JSON object; nothing is an empty one
	Actor       permissions.Actor
	Surface     permissions.Surface
	Interactive bool                                      // asked on a real terminal, where a person sits
	Channel     string                                    // id of the Slack channel, where Surface is Slack
	Remote      bool                                      // over HTTP, where Surface is MCP
	Groups      []string                                  // ids of the Slack user groups that the actor is in
	External    bool                                      // the actor is of another Slack workspace
	RequestID   string                                    // the caller's idempotency key: the same gives the same outcome
	Detached    bool                                      // nobody waits for the reply: the outcome is delivered to the next identical call
	CanPrompt   bool                                      // the surface can put the question to the person who waits
	Limit       int                                       // how many rows of a list are shown; 0: as many as the input says
	WaitLimit   time.Duration                             // how long "wait" may wait; 0: not at all
	Progress    func(status string, waited time.Duration) // called while it waits; may be nil
	OnRecord    func(approval.Record)                     // called once the record of a change is made or found, before it runs; may be nil
}

// Run runs one call. A change that needs a person comes back as ApprovalRequired; a
// surface that can ask does so and brings the answer to [Runner.Answer].
func (r *Runner) Run(ctx context.Context, call Call) (reply Reply) {
	defer observe(r, call).called(ctx, &reply)
	op, ok := r.Catalogue.Lookup(call.Operation)
	if !ok {
		return Reply{Class: Invalid, Message: NoSuchOperation(r.Catalogue, call.Operation)}
	}
	if secret := r.redact(call.RequestID); secret != call.RequestID || accessKey.MatchString(secret) {
		return fail(op, &tools.InputError{Text: "the request id holds a secret; use a name that says nothing"})
	}
	call.RequestID = tools.NormalizeUnicode(call.RequestID)
	in, err := r.accept(op, call.Input)
	if err != nil {
		return fail(op, &tools.InputError{Text: err.Error()})
	}
	ctx = r.pin(ctx)
	q := request{Runner: r, call: call, op: op, in: in}
	if !op.IsRead() {
		err = r.ended(ctx, call.Actor)
	}
	if err == nil {
		q.in, err = q.findIDs(ctx)
	}
	switch {
	case err != nil:
		return q.refuse(ctx, err)
	case op.IsRead():
		return q.read(ctx)
	}
	return q.change(ctx)
}

// request is a call whose operation was found and whose input was read.
type request struct {
	*Runner
	call Call
	op   *tools.Op
	in   tools.Input

	remembers bool // the server was found by a remembered name
}

var accessKey = regexp.MustCompile(`vpsbot_[a-z2-7]{52}`)

// accept decodes an input, and refuses one that carries the API token.
func (r *Runner) accept(op *tools.Op, raw []byte) (tools.Input, error) {
	if accessKey.Match(raw) {
		return tools.Input{}, errors.New("the input contains an access key; it is never an argument: take it out, and revoke the key if others have seen it")
	}
	if given := string(raw); r.redact(given) != given {
		return tools.Input{}, errTokenGiven // before anything repeats a part of it
	}
	in, err := op.ParseInput(raw)
	if err != nil {
		return in, err
	}
	if given := string(in.Canonical()); r.redact(given) != given {
		return in, errTokenGiven
	}
	return in, nil
}

var errTokenGiven = errors.New("the input contains the API token; it is never an argument: take it out")

// fail makes a reply of an error that ended a call before anything was changed. op is nil where the record that an
// answer names does not exist.
func fail(op *tools.Op, err error) Reply {
	reply := Reply{Op: op, Class: classOf(err), Message: Explain(err)}
	if op == nil || !op.IsRead() {
		reply.Outcome = Refused
	}
	return reply
}

// NoSuchOperation says that no operation has that name, and which one may be meant.
func NoSuchOperation(c *tools.Catalogue, name string) string {
	known := text.Map(c.Operations(), func(op *tools.Op) string { return op.Name })
	near := text.Nearest(strings.ToLower(text.Cut(name, tools.LongestName)), known, 3)
	switch {
	case near == nil && len(name) > tools.LongestName: // a part of a secret is still a part of a secret
		return "no operation has a name as long as that; vpsbot operations lists them"
	case near == nil:
		return "no operation is called " + text.Quote(name) + "; vpsbot operations lists them"
	}
	return "no operation is called " + text.Quote(name) + "; did you mean " + near[0] + "?"
}

// endStep, deferred, ends the span of a step: it says of an error only of which class it is.
func endStep(span trace.Span, err *error) {
	if *err != nil {
		span.Fail(classOf(*err).String())
	}
	span.End()
}

// observed is what the log says of a call: a line that has nothing of its input.
type observed struct {
	*Runner
	actor   permissions.Actor
	surface string
	began   time.Time
}

func observe(r *Runner, call Call) observed {
	return observed{r, call.Actor, approval.Origin{Surface: string(call.Surface), Remote: call.Remote}.String(), time.Now()}
}

// called, deferred, writes the line of a call.
func (o observed) called(ctx context.Context, reply *Reply) {
	name, isRead, record := "other", true, ""
	if reply.Op != nil {
		name, isRead = reply.Op.Name, reply.Op.IsRead()
	}
	if reply.Record != nil {
		record = reply.Record.ID
	}
	level := slog.LevelInfo
	if isRead {
		level = slog.LevelDebug
	}
	o.log(ctx, level, slog.String("operation", name), slog.String("approval", record),
		slog.String("outcome", cmp.Or(string(reply.Outcome), reply.Class.String())))
}

// decided, deferred, writes the line of an answer that was given elsewhere.
func (o observed) decided(ctx context.Context, rec *approval.Record, err *error) {
	outcome := string(rec.State)
	if *err != nil {
		outcome = classOf(*err).String()
	}
	o.log(ctx, slog.LevelInfo, slog.String("operation", cmp.Or(rec.Operation, "other")), slog.String("approval", rec.ID), slog.String("outcome", outcome))
}

// log writes the line. At a terminal, where the person has the result before them and the log is on the same screen, it
// is one for debugging.
func (o observed) log(ctx context.Context, level slog.Level, about ...slog.Attr) {
	if o.surface == string(permissions.Terminal) {
		level = slog.LevelDebug
	}
	if o.Log == nil || !o.Log.Enabled(ctx, level) {
		return
	}
	about = append(about, slog.String("actor", string(o.actor)), slog.String("surface", o.surface), slog.Duration("duration", time.Since(o.began).Round(time.Microsecond)))
	o.Log.LogAttrs(ctx, level, "call", slices.DeleteFunc(about, func(a slog.Attr) bool { return a.Value.String() == "" })...)
}
