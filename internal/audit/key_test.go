package audit

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

func newKey(t testing.TB) Key {
	t.Helper()
	private, err := NewKey(rand.Reader)
	require.NoError(t, err)
	key, err := ParseKey(private)
	require.NoError(t, err)
	return key
}

func verifiers(t testing.TB, keys ...Key) Verifiers {
	t.Helper()
	var texts []string
	for _, key := range keys {
		texts = append(texts, key.Verifier())
	}
	known, err := ParseVerifiers(texts...)
	require.NoError(t, err)
	return known
}

// The verifier that is derived from the private text is the one the library gives out.
func TestVerifierIsTheKeysOwn(t *testing.T) {
	private, public, err := note.GenerateKey(rand.Reader, origin)
	require.NoError(t, err)
	key, err := ParseKey("\n " + private + "\r\n")
	require.NoError(t, err)
	require.Equal(t, public, key.Verifier())
	before := newKey(t).Verifier()
	key, err = ParseKey(private + "\r\n" + before + "\r\n")
	require.NoError(t, err)
	require.Equal(t, []string{public, before}, key.Verifiers())
}

func TestParseKeyRefuses(t *testing.T) {
	foreign, _, err := note.GenerateKey(rand.Reader, "example.com/log")
	require.NoError(t, err)
	good, err := NewKey(rand.Reader)
	require.NoError(t, err)
	for name, text := range map[string]string{
		"nothing": "", "a verifier": newKey(t).Verifier(), "another log's key": foreign, "cut off": good[:len(good)-4],
		"another name": strings.Replace(good, origin, "vpsbot/other", 1), "two keys": good + "\n" + good,
		"text after it": good + "\n\nwhatever",
	} {
		_, err := ParseKey(text)
		require.ErrorIs(t, err, map[bool]error{true: errNoVerifier, false: errNoKey}[strings.HasPrefix(text, good)], name)
		if len(text) > 20 {
			require.NotContains(t, err.Error(), text[len(text)-20:], name)
		}
	}
}

func TestParseVerifiersRefuses(t *testing.T) {
	_, foreign, err := note.GenerateKey(rand.Reader, "example.com/log")
	require.NoError(t, err)
	private, err := NewKey(rand.Reader)
	require.NoError(t, err)
	for name, text := range map[string]string{"nothing": "", "a word": "x", "another log's": foreign, "a private key": private} {
		_, err := ParseVerifiers(newKey(t).Verifier(), text)
		require.ErrorIs(t, err, errNoVerifier, name)
	}
	none, err := ParseVerifiers()
	require.NoError(t, err)
	require.False(t, none.Any())
	require.True(t, verifiers(t, newKey(t), newKey(t)).Any())
}

func TestZeroKeySignsNothing(t *testing.T) {
	require.Empty(t, Key{}.Verifier())
	_, err := Key{}.Sign(Checkpoint{Seq: 1})
	require.ErrorContains(t, err, "no key")
}

// brokenReader is a source of randomness that fails.
type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("no randomness") }

func TestNewKeyNeedsRandomness(t *testing.T) {
	_, err := NewKey(brokenReader{})
	require.EqualError(t, err, "audit key: no randomness")
}
