package approval

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOrigin(t *testing.T) {
	t.Parallel()
	for kept, want := range map[string]Origin{
		"mcp":               {Surface: "mcp"},
		"mcp:http":          {Surface: "mcp", Remote: true},
		"terminal":          {Surface: "terminal"},
		"slack:C1":          {Surface: "slack", Channel: "C1"},
		"slack:C1 S1 S2":    {Surface: "slack", Channel: "C1", Groups: []string{"S1", "S2"}},
		"slack:C1 external": {Surface: "slack", Channel: "C1", External: true},
		"slack: S1":         {Surface: "slack", Groups: []string{"S1"}},
		"slack: external":   {Surface: "slack", External: true},
	} {
		got := Record{Surface: kept}.Origin()
		if len(got.Groups) == 0 {
			got.Groups = nil
		}
		require.Equal(t, want, got, kept)
		require.Equal(t, kept, want.String())
	}
	require.Equal(t, "slack:C1 external", Origin{Surface: "slack", Channel: "C1", Groups: []string{"S1"}, External: true}.String(), "a stranger is in no group")
}
