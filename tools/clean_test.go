package tools_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/tools"
)

func TestDurationsAreRoundedUpToAWord(t *testing.T) {
	t.Parallel()
	for d, says := range map[time.Duration]string{
		-time.Second: "1 second", 0: "1 second", time.Millisecond: "1 second", time.Second: "1 second", 1001 * time.Millisecond: "2 seconds",
		time.Minute: "1 minute", 61 * time.Second: "61 seconds", 119 * time.Second: "119 seconds", 2 * time.Minute: "2 minutes",
		5*time.Minute - time.Millisecond: "5 minutes", 10 * time.Minute: "10 minutes", time.Hour: "1 hour", 61 * time.Minute: "61 minutes",
		90 * time.Minute: "90 minutes", 3 * time.Hour: "3 hours", 24 * time.Hour: "1 day", 47 * time.Hour: "47 hours", 49 * time.Hour: "3 days",
	} {
		require.Equal(t, says, tools.InWords(d), d.String())
	}
}
