// Package redact is the redaction of secrets in texts and in all that a program writes.
package redact

import (
	"io"
	"net/url"
	"strconv"
	"strings"
)

// Mark stands in the place of a secret.
const Mark = "[redacted]"

// shortest is what a secret must have to be taken out: a shorter one would be found in any sentence.
const shortest = 8

// Text replaces secrets in each form that a text may have them in: as they are, quoted (twice, where a
// quoted text is logged), and escaped in a URL.
func Text(s string, secrets ...string) string {
	for _, secret := range secrets {
		if len(secret) < shortest {
			continue
		}
		s = strings.ReplaceAll(s, secret, Mark)
		for _, form := range otherForms(secret) {
			s = strings.ReplaceAll(s, form, Mark)
		}
	}
	return s
}

// otherForms are what a secret may look like beside itself. One that a URL takes as it is has letters, digits and a few
// signs that no quoting changes, so that there are none.
func otherForms(secret string) []string {
	query := url.QueryEscape(secret)
	if query == secret {
		return nil
	}
	quoted := escape(secret)
	return []string{quoted, escape(quoted), query, url.PathEscape(secret)}
}

func escape(s string) string {
	quoted := strconv.Quote(s)
	return quoted[1 : len(quoted)-1]
}

// Writer returns a writer that takes secrets out of each piece of text on its way to w: a piece is
// whole lines, or a prompt. The secrets are asked for anew with each piece, for they may be exchanged
// while the program runs.
func Writer(w io.Writer, secrets func() []string) io.Writer { return writer{w, secrets} }

type writer struct {
	io.Writer
	secrets func() []string
}

// Write reports all of p as written, though what it writes may be shorter.
func (w writer) Write(p []byte) (int, error) {
	text, out := string(p), p
	if redacted := Text(text, w.secrets()...); redacted != text {
		out = []byte(redacted)
	}
	if _, err := w.Writer.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}
