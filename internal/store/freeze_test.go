package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
)

var frozenAs = approval.Freeze{By: "second", Reason: "flood", At: ms(start.Add(time.Second))}

func TestFreeze(t *testing.T) {
	first := approval.Freeze{By: "lead", Reason: "storm", At: ms(start)}
	conforms(t, func(t *testing.T, db database) {
		ctx := t.Context()
		for _, f := range []approval.Freeze{first, frozenAs} {
			require.NoError(t, db.Freeze(ctx, f, row("frozen")))
			got, err := db.Frozen(ctx)
			require.NoError(t, err)
			require.Equal(t, &f, got)
		}
		require.Equal(t, 2, logLength(t, db))
		for range 2 { // thawing what is not frozen is no error
			require.NoError(t, db.Unfreeze(ctx, row("unfrozen")))
			none, err := db.Frozen(ctx)
			require.NoError(t, err)
			require.Nil(t, none)
		}
		require.Equal(t, 4, logLength(t, db))
	})
}

func TestFrozen(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		ctx := t.Context()
		waiting, running := inserted(t, db, asked("1")), inserted(t, db, claimed("2"))
		require.NoError(t, db.Freeze(ctx, frozenAs, row("frozen")))
		before := logLength(t, db)

		var frozen *approval.FrozenError
		_, err := db.Move(ctx, claim("1"), row("approved"))
		require.ErrorAs(t, err, &frozen)
		require.Equal(t, frozenAs, frozen.Freeze)
		_, _, err = db.Insert(ctx, claimed("3"), nil, row("allowed"))
		require.ErrorAs(t, err, &frozen)
		_, joined, err := db.Insert(ctx, claimed("2"), nil, row("allowed"))
		require.NoError(t, err)
		require.True(t, joined, "what runs can be asked after")
		got, err := db.Record(ctx, "1")
		require.NoError(t, err)
		require.Equal(t, waiting, got)
		require.Equal(t, before, logLength(t, db))

		// What is no claim goes on: questions, answers, outcomes.
		inserted(t, db, asked("4"))
		moved(t, db, move("1", approval.Pending, approval.Approved))
		moved(t, db, move(running.ID, approval.Executing, approval.Done))

		require.NoError(t, db.Unfreeze(ctx, row("unfrozen")))
		moved(t, db, claim("1"))
	})
}

func TestFreezeNeedsItsRow(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		f := approval.Freeze{By: "lead", At: start}
		require.Error(t, db.Freeze(t.Context(), f, audit.Row{}))
		require.Error(t, db.Freeze(t.Context(), approval.Freeze{By: "lead"}, row("frozen")))
		none, err := db.Frozen(t.Context())
		require.NoError(t, err)
		require.Nil(t, none)
		require.NoError(t, db.Freeze(t.Context(), f, row("frozen")))
		require.Error(t, db.Unfreeze(t.Context(), audit.Row{}))
		still, err := db.Frozen(t.Context())
		require.NoError(t, err)
		require.NotNil(t, still)
	})
}
