package apiclient

import (
	"context"
	"errors"
	"time"
)

type traceKey struct{}

// Trace returns a context whose calls are told to tell when they have ended, beside what
// Options.Observe is told. It is for who needs the status of one call, as a log of
// changes does. tell may be called from any goroutine.
func Trace(ctx context.Context, tell func(Call)) context.Context {
	return context.WithValue(ctx, traceKey{}, tell)
}

// observe tells the metrics hook, and who traces, of each call that has ended.
func observe(next step, tell func(Call), loopback bool) step {
	return func(ctx context.Context, c *call) error {
		trace, _ := ctx.Value(traceKey{}).(func(Call))
		if tell == nil && trace == nil {
			return next(ctx, c)
		}
		start := time.Now()
		err := next(ctx, c)
		ended := Call{
			Method: c.method, Route: c.route, Status: c.status, Kind: kindOf(err),
			Attempts: c.attempts, Duration: time.Since(start),
			Simulator: loopback && c.header.Get(SimulatorHeader) != "",
		}
		for _, hear := range []func(Call){tell, trace} {
			if hear != nil {
				hear(ended)
			}
		}
		return err
	}
}

func kindOf(err error) Kind {
	var apiErr *Error
	if errors.As(err, &apiErr) {
		return apiErr.Kind
	}
	return ""
}
