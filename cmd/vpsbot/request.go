package main

import (
	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
)

// addRequestID adds the flag by which a script names what it asks for.
func (r *operationRun) addRequestID(cmd *cobra.Command) {
	if !r.op.IsRead() {
		cmd.Flags().StringVar(&r.requestID, "request-id", "", "your own name, an `ID`, for this request: the same within 24 hours gives the same outcome, and sends nothing again")
	}
}

// checkRequestID fails for what cannot be a request id; given tells an empty one from none.
func checkRequestID(id string, given bool) error {
	if given && !approval.IsRequestID(id) {
		return fail(runner.Invalid, "--request-id must be 1 to %d printable characters, %d bytes at most", approval.RequestIDChars, approval.RequestIDBytes)
	}
	return nil
}
