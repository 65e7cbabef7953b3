package apiclient

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
)

func TestTime(t *testing.T) {
	noon := time.Date(2025, 1, 10, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Time{
		`"2025-01-10T12:00:00Z"`:      noon,
		`"2025-01-10T14:00:00+02:00"`: noon,
		`"2025-01-10T12:00:00.25Z"`:   noon.Add(250 * time.Millisecond),
		`"2025-01-10T12:00:00"`:       noon,
		`"2025-01-10T12:00:00.5"`:     noon.Add(500 * time.Millisecond),
		`"2025-01-10 12:00:00"`:       noon,
		`"2025-01-10 14:00:00+02:00"`: noon,
		`"2025-01-10"`:                noon.Add(-12 * time.Hour),
		`"2025-01-10Z"`:               noon.Add(-12 * time.Hour),
		`"soon"`:                      {},
		`"2025-13-45"`:                {},
	} {
		var got Time
		require.NoError(t, json.Unmarshal([]byte(in), &got), in)
		require.True(t, want.Equal(got.Time), "%s is %s", in, got.Time)
		require.False(t, got.IsZero(), in)
		require.Equal(t, in, string(encode(t, got)), "the text is kept")
	}
}

func TestTimeZeroAndMade(t *testing.T) {
	for _, in := range []string{`null`, `""`} {
		got := Time{raw: "before"}
		require.NoError(t, json.Unmarshal([]byte(in), &got))
		require.True(t, got.IsZero())
		require.Equal(t, "null", string(encode(t, got)))
	}
	for _, in := range []string{`0`, `-5`, `1e99`, `{}`, `[]`, `true`} {
		got := Time{raw: "before"}
		require.NoError(t, json.Unmarshal([]byte(in), &got), in)
		require.True(t, got.IsZero(), in)
	}
	for _, in := range []string{`1736510400`, `1736510400.5`, `1736510400000`} {
		var got Time
		require.NoError(t, json.Unmarshal([]byte(in), &got), in)
		require.Equal(t, `"2025-01-10T12:00:00Z"`, string(encode(t, got)), in)
	}
	made := Time{Time: time.Date(2025, 1, 10, 12, 0, 0, 0, time.UTC)}
	require.Equal(t, `"2025-01-10T12:00:00Z"`, string(encode(t, made)))
	text, err := made.MarshalText()
	require.NoError(t, err)
	require.Equal(t, "2025-01-10T12:00:00Z", string(text))
}
