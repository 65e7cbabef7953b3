package main

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
)

// letGo is how long what Ctrl-C can stop may take to stop: reads, waiting, a question. What
// goes on longer is a change that has been sent.
const letGo = 150 * time.Millisecond

// crash is a panic on its way from one goroutine to another.
type crash struct {
	value any
	stack []byte
}

// attend carries a call out. A change that has been sent is seen to its end, and so the
// person is told after Ctrl-C what is waited for; a second Ctrl-C ends the waiting.
func (r *operationRun) attend(ctx context.Context, carryOut func() runner.Reply) runner.Reply {
	ended, broken := make(chan runner.Reply, 1), make(chan crash, 1)
	go func() {
		defer func() {
			if value := recover(); value != nil {
				broken <- crash{value, debug.Stack()}
			}
		}()
		ended <- carryOut()
	}()
	stopped, sent := ctx.Done(), (<-chan time.Time)(nil)
	for {
		select {
		case reply := <-ended:
			return reply
		case c := <-broken:
			panic(c)
		case <-stopped:
			stopped, sent = nil, time.After(letGo)
		case <-sent:
			if _, claimed := r.claimed(ctx); claimed {
				r.io.say("The request has been sent; waiting for its answer, at most 60 s. Ctrl-C again ends without knowing the outcome: vpsbot approvals list")
			}
		case <-r.io.Again:
			return r.abandoned(ctx)
		}
	}
}

// claimed finds the record of a call that this process is making.
func (r *operationRun) claimed(ctx context.Context) (id string, found bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords/2)
	defer cancel()
	store, err := r.parts.store.get(ctx)
	if r.op.IsRead() || err != nil {
		return "", false
	}
	records, _ := store.Find(ctx, approval.Query{States: approval.Holding, Limit: manyRecords})
	mine := slices.IndexFunc(records, func(rec approval.Record) bool {
		return rec.Owner == r.parts.process && rec.Operation == r.op.Name
	})
	if mine < 0 {
		return "", false
	}
	return records[mine].ID, true
}

// abandoned is the reply to a person who does not wait for the answer.
func (r *operationRun) abandoned(ctx context.Context) runner.Reply {
	id, claimed := r.claimed(ctx)
	if !claimed {
		return runner.Reply{Op: r.op, Class: runner.Failed, Message: "stopped; no change was under way"}
	}
	return runner.Reply{
		Op: r.op, Class: runner.Lost, Outcome: runner.Unknown,
		Message: fmt.Sprintf("you did not wait for the answer, so it is not known whether %s happened. "+
			"The same command again, in some minutes, reads it back; vpsbot approvals show %s says how it stands", r.op.Name, id),
	}
}
