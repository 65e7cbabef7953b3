package apiclient

import (
	"context"
	"errors"
	"time"
)

// observe tells the metrics hook of each call that has ended.
func observe(next step, tell func(Call)) step {
	if tell == nil {
		return next
	}
	return func(ctx context.Context, c *call) error {
		start := time.Now()
		err := next(ctx, c)
		tell(Call{
			Method: c.method, Route: c.route, Status: c.status, Kind: kindOf(err),
			Attempts: c.attempts, Duration: time.Since(start),
		})
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
