package approval

import (
	"strings"
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

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"": false, "a": true, "deploy 17/é": true, "a\nb": false, "a\x00": false, "a\u202eb": false, "\xff": false, "a\uFFFD": false, "a\u115F": false,
		strings.Repeat("a", RequestIDChars): true, strings.Repeat("a", RequestIDChars+1): false,
		strings.Repeat("é", RequestIDBytes/2): true, strings.Repeat("€", RequestIDBytes/3): true, strings.Repeat("€", RequestIDBytes/3+1): false,
	} {
		require.Equal(t, want, IsRequestID(id), "%q", id)
	}
}

func TestByPerson(t *testing.T) {
	t.Parallel()
	require.True(t, Record{Interactive: true, Surface: "terminal"}.ByPerson())
	require.True(t, Record{Surface: "slack:C1"}.ByPerson())
	require.False(t, Record{Surface: "terminal"}.ByPerson())
	require.False(t, Record{Surface: "mcp:http"}.ByPerson())
}
