package store_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

var presses = testkit.Size(1_000, 10_000)

func TestTenThousandAnswers(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		inserted(t, db, asked("1"))
		won, lost := press(t.Context(), db, presses)
		require.EqualValues(t, 1, won)
		require.EqualValues(t, presses-1, lost)
		require.Equal(t, 2, logLength(t, db), "losers leave no row")
	})
}

// press claims record 1 from n goroutines and counts who won and who was told its state.
func press(ctx context.Context, db database, n int) (won, lost int64) {
	testkit.Concurrently(n, func(int) {
		_, err := db.Move(ctx, claim("1"), row("approved"))
		var state *approval.StateError
		switch {
		case err == nil:
			atomic.AddInt64(&won, 1)
		case errors.As(err, &state) && state.Record.State == approval.Executing:
			atomic.AddInt64(&lost, 1)
		}
	})
	return won, lost
}
