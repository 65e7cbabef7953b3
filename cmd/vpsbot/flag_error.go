package main

import (
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vpsbot/vpsbot/internal/runner"
)

// What a flag of each of pflag's types takes.
var flagKinds = map[string]string{
	"bool": "true or false", "int": "a whole number", "float64": "a number", "duration": "a time such as 50ms, 30s or 10m",
}

// flagError makes a sentence of what pflag reports in the terms of its parser.
func flagError(cmd *cobra.Command, err error) error {
	bad, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return fail(runner.Invalid, "%v; %s --help shows what it takes", err, cmd.CommandPath())
	}
	kind := flagKinds[bad.GetFlag().Value.Type()]
	if kind == "" {
		kind = "something else"
	}
	return fail(runner.Invalid, "--%s must be %s, not %q; %s --help shows what it takes", bad.GetFlag().Name, kind, bad.GetValue(), cmd.CommandPath())
}
