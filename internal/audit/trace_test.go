package audit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A row without a trace has the hash that it always had, computed here by another program; that of a row with one
// covers it.
func TestHashCoversTheTrace(t *testing.T) {
	row := Row{Seq: 1, At: time.UnixMilli(1800000000000), Actor: "local:alice", Surface: "mcp", Operation: "servers.stop", Decision: Allowed}
	plain, err := Seal(Genesis, row)
	require.NoError(t, err)
	require.Equal(t, "1171800317ba948f6e99f7c2b7c404a41cdb97dc8bbb722f1066955290df875b", plain.Hash)
	row.Trace = "0af7651916cd43dd8448eb211c80319c"
	traced, err := Seal(Genesis, row)
	require.NoError(t, err)
	require.NoError(t, traced.CheckHash())
	require.NotEqual(t, plain.Hash, traced.Hash)
	for _, changed := range []string{"", "1af7651916cd43dd8448eb211c80319c"} {
		forged := traced
		forged.Trace = changed
		require.Error(t, forged.CheckHash(), changed)
	}
	forged := plain
	forged.Trace = row.Trace
	require.Error(t, forged.CheckHash(), "nor can a row get one later")
}
