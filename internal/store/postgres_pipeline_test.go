package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/store/pgtest"
)

// A change that nothing speaks against sends two messages in its transaction: during one round trip alone it
// keeps others waiting. A move reads its record before.
func TestPostgresRoundTrips(t *testing.T) {
	t.Parallel()
	p := newProxy(t, pgtest.Start(t).Socket())
	db := open(t, p.url())
	limits := []approval.Limit{{Name: "deletions", Suffix: ".delete", Most: 1_000, Within: time.Hour}}
	steps := []struct {
		name string
		want int64
		do   func(id string)
	}{
		{"a question", 2, func(id string) {
			r := asked(id)
			r.RequestID = id
			_, _, err := db.Insert(t.Context(), r, limits, row("asked"))
			require.NoError(t, err)
		}},
		{"a claim", 1 + 2, func(id string) {
			m := claim(id)
			m.Limits, m.Consent = limits, answer("zoe", true)
			_, err := db.Move(t.Context(), m, row("approved"))
			require.NoError(t, err)
		}},
		{"an outcome", 1 + 2, func(id string) { moved(t, db, move(id, approval.Executing, approval.Done)) }},
		{"a direct change", 2, func(id string) {
			_, _, err := db.Insert(t.Context(), claimed("direct-"+id), limits, row("allowed"))
			require.NoError(t, err)
		}},
		{"a note", 2, func(string) { require.NoError(t, db.Note(t.Context(), row("noted"))) }},
	}
	least := make([]int64, len(steps))
	for i := range 4 { // at first statements are prepared; whenever a second has passed, the connection is tried
		for j, step := range steps {
			before := p.sent.Load()
			step.do(fmt.Sprint(i))
			if sent := p.sent.Load() - before; i == 0 || sent < least[j] {
				least[j] = sent
			}
		}
	}
	for j, step := range steps {
		require.Equal(t, step.want, least[j], step.name)
	}
}
