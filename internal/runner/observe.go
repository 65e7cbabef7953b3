package runner

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/trace"
	"github.com/vpsbot/vpsbot/permissions"
)

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
