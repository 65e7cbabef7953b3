package apiclient

import (
	"context"
	"errors"
	"time"
)

var (
	firstPolls = []time.Duration{1 * time.Second, 2 * time.Second, 4 * time.Second}
	laterPolls = 5 * time.Second
)

// Poll calls check after 1 s, 2 s more, 4 s more, then every 5 s, until it
// reports done or returns an error, or ctx ends: then Poll returns ctx's error.
// A temporary Error of a read does not end it.
func Poll(ctx context.Context, check func(ctx context.Context) (done bool, err error)) error {
	for i := 0; ; i++ {
		if err := sleep(ctx, pollWait(i)); err != nil {
			return err
		}
		done, err := check(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !isTemporary(err):
			return err
		case err == nil && done:
			return nil
		}
	}
}

func pollWait(i int) time.Duration {
	if i < len(firstPolls) {
		return firstPolls[i]
	}
	return laterPolls
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func isTemporary(err error) bool {
	var apiErr *Error
	return errors.As(err, &apiErr) && apiErr.Temporary()
}
