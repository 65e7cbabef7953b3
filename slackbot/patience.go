package slackbot

import (
	"context"
	"errors"
	"time"

	"github.com/vpsbot/vpsbot/internal/backoff"
)

// patiently asks Slack for something, and again where Slack wants to be left alone for a time
// first. Anything else that goes wrong ends it: the request may have arrived.
func (b *Bot) patiently(ctx context.Context, within time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		err := known(do(ctx))
		limited, ok := errors.AsType[*limitedError](err)
		if !ok {
			return err
		}
		_ = backoff.Sleep(ctx, limited.after)
		if ctx.Err() != nil {
			return err
		}
	}
}
