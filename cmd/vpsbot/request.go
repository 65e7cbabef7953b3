package main

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
)

const (
	requestIDChars = 128
	requestIDBytes = 256 // what the store takes
)

// addRequestID adds the flag by which a script names what it asks for.
func (r *operationRun) addRequestID(cmd *cobra.Command) {
	if !r.op.IsRead() {
		cmd.Flags().StringVar(&r.requestID, "request-id", "", "your own name, an `ID`, for this request: the same within 24 hours gives the same outcome, and sends nothing again")
	}
}

// checkRequestID fails for what cannot be a request id; given tells an empty one from none.
func checkRequestID(id string, given bool) error {
	odd := func(c rune) bool { return c == utf8.RuneError || !unicode.IsPrint(c) || text.Hidden(c) }
	chars := utf8.RuneCountInString(id)
	if given && (chars < 1 || chars > requestIDChars || len(id) > requestIDBytes || strings.IndexFunc(id, odd) >= 0) {
		return fail(runner.Invalid, "--request-id must be 1 to %d printable characters, %d bytes at most", requestIDChars, requestIDBytes)
	}
	return nil
}
