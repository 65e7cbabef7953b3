package runner

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMomentShowsItsDay(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 23, 59, 0, 0, time.UTC)
	for _, c := range []struct {
		after time.Duration
		want  string
	}{
		{-time.Minute, "2026-03-01 23:58:00 UTC"},
		{10 * time.Minute, "2026-03-02 00:09:00 UTC"},
		{-24 * time.Hour, "2026-02-28 23:59:00 UTC"},
	} {
		require.Equal(t, c.want, At(now.Add(c.after)))
		require.Equal(t, c.want, At(now.Add(c.after).In(time.FixedZone("east", 9*3600))))
	}
	require.Equal(t, "2026-03-01 23:59:00 UTC", Since(now.Add(time.Hour), now), "what has happened cannot be to come")
}
