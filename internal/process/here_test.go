package process_test

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/process"
)

func TestHere(t *testing.T) {
	self, err := process.Self()
	require.NoError(t, err)
	host, err := os.Hostname()
	require.NoError(t, err)
	rest := strings.TrimPrefix(self, host)
	_, start, _ := strings.Cut(rest[1:], "/")

	require.True(t, process.Here(self))
	require.True(t, process.Here(host+"/999999/"+start), "another process of this machine")
	require.False(t, process.Here("elsewhere"+rest))
	require.False(t, process.Here("nonsense"))
	require.False(t, process.Here(""))
	if runtime.GOOS == "linux" {
		require.False(t, process.Here(host+"/1/00000000-0000-0000-0000-000000000000.1"), "a machine of the same name, or before it started anew")
	}
}
