package ttl_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/ttl"
)

func TestBounded(t *testing.T) {
	var b ttl.Bounded[int, string]
	_, ok := b.Get(1)
	require.False(t, ok)
	for i := range 10_000 {
		b.Set(i, "value")
	}
	value, ok := b.Get(1)
	require.True(t, ok)
	require.Equal(t, "value", value)
	b.Set(10_000, "one too many")
	_, ok = b.Get(1)
	require.False(t, ok)
	_, ok = b.Get(10_000)
	require.True(t, ok)
}
