package store

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
)

// The statement itself, without the look before it, does not take a record past the people
// that it needs.
func TestMoveNeedsOtherConsents(t *testing.T) {
	s := opened(t)
	at := time.UnixMilli(1)
	r := approval.Record{ID: "1", State: approval.Pending, Others: 1, CreatedAt: at, ExpiresAt: at.Add(time.Hour)}
	_, _, err := s.Insert(t.Context(), r, nil, audit.Row{At: at})
	require.NoError(t, err)
	for _, to := range []approval.State{approval.Executing, approval.Approved} {
		m := approval.Move{ID: "1", From: []approval.State{approval.Pending}, To: to, At: at}
		err = s.logged(t.Context(), func(ctx context.Context, tx transaction) error {
			_, err := moveIn(ctx, tx, m, audit.Row{At: at})
			return err
		})
		require.ErrorAs(t, err, new(*approval.StateError), to)
	}
}
