package main

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
)

// The words of the columns decision and outcome.
var (
	decisions = toStrings(audit.Decisions)
	outcomes  = toStrings(audit.Outcomes)
)

func toStrings[T ~string](words []T) []string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = string(w)
	}
	return all
}

// addWordFlag adds a flag that takes one of some words, and completes them.
func addWordFlag(cmd *cobra.Command, to *string, name string, words []string) {
	cmd.Flags().StringVar(to, name, "", text.Join(words, "or"))
	if err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag was added a line above
	}
}

// checkWord fails for a flag that is set to none of its words.
func checkWord(flag, word string, words []string) error {
	if word == "" || slices.Contains(words, word) {
		return nil
	}
	return fail(runner.Invalid, "%s %q is none: write %s", flag, word, text.Join(words, "or"))
}
