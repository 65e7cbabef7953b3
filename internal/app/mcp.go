package app

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/mcpserver"
)

const (
	reconcileAfter = 2 * time.Second // the start itself stays quick
	verifyEvery    = 5 * time.Second // how long a revoked key is still served
)

// ServeMCP serves an assistant on in and out until in or ctx ends, or until the access key is no longer
// valid. The caller has authenticated.
func (a *App) ServeMCP(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, end := context.WithCancelCause(ctx)
	var running sync.WaitGroup
	defer func() {
		end(nil)
		running.Wait()
	}()
	running.Go(func() {
		if backoff.Sleep(ctx, reconcileAfter) == nil {
			a.Runner.Reconcile(ctx, a.HasStore)
		}
	})
	running.Go(func() {
		for backoff.Sleep(ctx, verifyEvery) == nil {
			if err := a.verifyIdentity(ctx); err != nil {
				end(err)
			}
		}
	})
	s := &mcpserver.Server{Runner: a.Runner, Actor: a.Actor, Version: ReadVersion().Version, Log: a.Runner.Log}
	if err := s.ServeStdio(ctx, in, out); err != nil {
		return err
	}
	if ended, ok := errors.AsType[*Error](context.Cause(ctx)); ok {
		return ended
	}
	return nil
}
