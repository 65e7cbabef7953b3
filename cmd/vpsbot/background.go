package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/runner"
)

const (
	lookAfter = 2 * time.Second // after the start, which stays quick
	keyEvery  = 5 * time.Second // how long a key that was revoked still serves
)

// background does what a process that stays does beside serving: it looks after unfinished
// work, and ends, with end, once its access key no longer counts. stop waits for both.
func (p *parts) background(ctx context.Context, end context.CancelCauseFunc) (stop func()) {
	var running sync.WaitGroup
	running.Go(func() {
		if backoff.Sleep(ctx, lookAfter) == nil {
			p.runner.Reconcile(ctx, p.hasStore)
		}
	})
	running.Go(func() {
		for backoff.Sleep(ctx, keyEvery) == nil {
			if err := p.stillMe(ctx); err != nil {
				end(err)
			}
		}
	})
	return func() {
		end(nil)
		running.Wait()
	}
}

// hasStore reports whether there is a store to look after. It makes none.
func (p *parts) hasStore() bool {
	if p.store.isOpen() || p.config.IsShared() {
		return true
	}
	url, err := p.config.Database()
	if err != nil {
		return false
	}
	_, err = os.Stat(strings.TrimPrefix(url, "sqlite:"))
	return err == nil
}

// stillMe fails once the access key no longer says who this is. A store that cannot be asked
// changes nothing.
func (p *parts) stillMe(ctx context.Context) error {
	actor, err := p.who(ctx)
	if refused, ok := errors.AsType[*exitError](err); ok {
		return refused
	}
	if err == nil && actor != p.actor {
		return fail(runner.Refuse, "the access key is now that of %s; start vpsbot mcp anew to go on as that", actor)
	}
	return nil
}
