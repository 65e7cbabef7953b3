package config

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/vpsbot/vpsbot/internal/redact"
)

// Secret is a text that prints as "[redacted]" in every form: through fmt, slog and both
// sorts of JSON. Its zero value is the empty secret. It is not comparable.
type Secret struct {
	// A function, so that fmt finds no text even in a field whose methods it may not call.
	reveal func() string
}

// NewSecret returns a secret that holds text.
func NewSecret(text string) Secret { return Secret{func() string { return text }} }

// Reveal returns the text itself. The caller must not show it.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// EnvDecode stores the value of a variable unchanged.
func (s *Secret) EnvDecode(_ context.Context, value string) error {
	*s = NewSecret(value)
	return nil
}

// String returns "[redacted]".
func (Secret) String() string { return redact.Mark }

// GoString returns "[redacted]".
func (Secret) GoString() string { return redact.Mark }

// Format writes "[redacted]", whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redact.Mark) }

// LogValue returns "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redact.Mark) }

// MarshalJSON returns "[redacted]" as a JSON string.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redact.Mark + `"`), nil }

// MarshalText returns "[redacted]".
func (Secret) MarshalText() ([]byte, error) { return []byte(redact.Mark), nil }
