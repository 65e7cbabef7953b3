// Package redact is the redaction of secrets in texts and in all that a program writes.
package redact

import (
	"bytes"
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
// quoted text is logged), and escaped in a URL; in capitals or not, and with either of - and _, for what is
// typed as the name of a field or as an id is compared and shown in one spelling.
func Text(s string, secrets ...string) string {
	folded := fold(s)
	for _, secret := range secrets {
		if len(secret) < shortest {
			continue
		}
		for _, form := range append([]string{secret}, otherForms(secret)...) {
			s, folded = without(s, folded, fold(form))
		}
	}
	return s
}

// without replaces in s what is secret in its folded spelling, which is as long.
func without(s string, folded, secret []byte) (shown string, foldedShown []byte) {
	if !bytes.Contains(folded, secret) {
		return s, folded
	}
	var b strings.Builder
	for {
		before, after, found := bytes.Cut(folded, secret)
		b.WriteString(s[:len(before)])
		if !found {
			return b.String(), fold(b.String())
		}
		b.WriteString(Mark)
		s, folded = s[len(s)-len(after):], after
	}
}

// fold returns a text of the same length in small letters, with _ for -.
func fold(s string) []byte {
	folded := []byte(s)
	for i, c := range folded {
		switch {
		case 'A' <= c && c <= 'Z':
			folded[i] = c + 'a' - 'A'
		case c == '-':
			folded[i] = '_'
		}
	}
	return folded
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
