package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// The words of the columns decision and outcome.
var (
	decisions = []string{"allowed", "refused", "asked", "approved", "denied", "cancelled", "expired", "stale", "settled"}
	outcomes  = []string{"done", "failed", "unknown", "not_applied", "needs_human"}
)

func oneOf(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// addWordFlag adds a flag that takes one of some words, and completes them.
func addWordFlag(cmd *cobra.Command, to *string, name string, words []string) {
	cmd.Flags().StringVar(to, name, "", oneOf(words))
	if err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag was added a line above
	}
}
