package main

import (
	"errors"
	"strings"
	"time"

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

// readTime reads a date, a time, or how long ago.
func readTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, errors.New("is no time: write 2026-01-31, 2026-01-31T14:00:00Z, or 24h for a day ago")
}
