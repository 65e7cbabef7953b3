package apiclient

import (
	"bytes"
	"errors"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/vpsbot/vpsbot/internal/redact"
)

// redactBody takes the token out of a body, also where the JSON spells it with
// escapes. The result shares body's memory where there was nothing to do.
func redactBody(body []byte, token string) []byte {
	if token == "" {
		return body
	}
	if bytes.IndexByte(body, '\\') >= 0 {
		body = respelled(body)
	}
	if !bytes.Contains(body, []byte(token)) {
		return body
	}
	return bytes.ReplaceAll(body, []byte(token), []byte(redact.Mark))
}

// respelled writes JSON anew with no escape that is not needed.
func respelled(body []byte) []byte {
	plain := jsontext.Value(bytes.Clone(body))
	if plain.Format(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
		return body
	}
	return plain
}

// presentable is err as long as its text is short and without the token. It is
// the text alone, tidied, where a server managed to write into it.
func presentable(err error, token string) error {
	if err == nil {
		return nil
	}
	if text := err.Error(); len(text) > maxMessage || token != "" && strings.Contains(text, token) {
		return errors.New(tidy(text, token))
	}
	return err
}
