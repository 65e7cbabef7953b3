package seal

import (
	"crypto/rand"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOpen(t *testing.T) {
	sealer, err := New("xoxb-1", rand.Reader)
	require.NoError(t, err)
	other, err := New("xoxb-2", rand.Reader)
	require.NoError(t, err)
	sealed := sealer.Seal("form", []byte("text"))
	tampered := append([]byte{}, sealed...)
	tampered[len(tampered)-1] ^= 1
	for name, c := range map[string]struct {
		by      *Sealer
		purpose string
		sealed  []byte
		want    error
	}{
		"as sealed":       {sealer, "form", sealed, nil},
		"another purpose": {sealer, "read", sealed, ErrInvalid},
		"another secret":  {other, "form", sealed, ErrInvalid},
		"tampered":        {sealer, "form", tampered, ErrInvalid},
		"cut":             {sealer, "form", sealed[:5], ErrInvalid},
		"nothing":         {sealer, "form", nil, ErrInvalid},
	} {
		text, err := c.by.Open(c.purpose, c.sealed)
		require.ErrorIs(t, err, c.want, name)
		require.Equal(t, c.want == nil, string(text) == "text", name)
	}
}

func TestToken(t *testing.T) {
	sealer, err := New("xoxb-1", rand.Reader)
	require.NoError(t, err)
	token, again := sealer.Token("page", map[string]int{"o": 20}), sealer.Token("page", map[string]int{"o": 20})
	require.NotEqual(t, token, again, "a nonce of its own")
	var value map[string]int
	require.NoError(t, sealer.OpenToken("page", token, &value))
	require.Equal(t, map[string]int{"o": 20}, value)
	require.ErrorIs(t, sealer.OpenToken("home", token, &value), ErrInvalid)
	require.ErrorIs(t, sealer.OpenToken("page", "not base64!", &value), ErrInvalid)
	_, err = New("", rand.Reader)
	require.Error(t, err)
}

// After a new secret what was sealed with the one before is opened still, and what is sealed now only by who has the new one.
func TestRenew(t *testing.T) {
	sealer, err := New("xoxb-1", rand.Reader)
	require.NoError(t, err)
	before := sealer.Seal("form", []byte("before"))
	require.Error(t, sealer.Renew(""))
	require.NoError(t, sealer.Renew("xoxb-2"))
	now := sealer.Seal("form", []byte("now"))
	for want, sealed := range map[string][]byte{"before": before, "now": now} {
		text, err := sealer.Open("form", sealed)
		require.NoError(t, err)
		require.Equal(t, want, string(text))
	}
	next, err := New("xoxb-2", rand.Reader)
	require.NoError(t, err)
	_, err = next.Open("form", now)
	require.NoError(t, err)
	_, err = next.Open("form", before)
	require.ErrorIs(t, err, ErrInvalid)
}
