package policy_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/policy"
)

// However deep or odd, a file is refused and breaks nothing.
func TestHostileFilesAreRefused(t *testing.T) {
	const size = 4 << 10
	for name, text := range map[string]string{
		"deep lists": strings.Repeat("[", size), "deep maps": strings.Repeat("{a: ", size/4), "dashes": strings.Repeat("- ", size/2),
		"deep and closed": strings.Repeat("[", size/2) + strings.Repeat("]", size/2),
		"keys":            strings.Repeat("? ", size/2), "anchors": strings.Repeat("&a ", size/3), "colons": strings.Repeat("a: ", size/3), "quotes": strings.Repeat("'", size),
		"words": "version: 1\npeople: [" + strings.Repeat("a,", size/2-20) + "]", "lines": strings.Repeat("a:\n", size/3),
	} {
		_, err := policy.Load([]byte(text), operations)
		require.Error(t, err, name)
	}
}
