package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/policy"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/tools"
)

func (a *app) policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "policy", Short: "Check and explain the rules of a policy file",
		Long: "A policy file says who may do what to which server from where, and what needs a second person.\nVPSBOT_POLICY_FILE names the one that is in force.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.policyCheckCommand(), a.policyExplainCommand())
	return cmd
}

// policyOperations is what a policy must know of the operations.
func policyOperations() []policy.Operation {
	var ops []policy.Operation
	for _, op := range tools.Operations() {
		ops = append(ops, policy.Operation{Name: op.Name, Risk: op.Risk, OnServer: op.On != tools.Account})
	}
	return ops
}

// readPolicy reads a policy file. What is wrong with it ends the command with the code of
// bad input.
func readPolicy(path string) (policy.Document, error) {
	raw, err := policy.ReadFile(path)
	if err != nil {
		return policy.Document{}, fail(runner.Invalid, "the policy file cannot be read: %v", err)
	}
	document, err := policy.Load(raw, policyOperations())
	if found, ok := errors.AsType[policy.Problems](err); ok {
		return document, fail(runner.Invalid, "%s is not a policy that can be in force:\n%v", path, found)
	}
	return document, err
}

func (a *app) policyCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check FILE", Short: "Find what is wrong or doubtful in a policy file, and run its tests",
		Long: "Reads the file as it would be read to be in force, says what is legal but hardly meant, and\nruns its tests: section. Ends with 2 for an error in the file and 1 for a test that fails.",
		Args: oneArg("the path of a policy file"), Example: "  vpsbot policy check policy.yaml",
		RunE: func(_ *cobra.Command, args []string) error { return a.checkPolicy(args[0]) },
	}
}

func (a *app) checkPolicy(path string) error {
	document, err := readPolicy(path)
	if err != nil {
		return err
	}
	for _, w := range document.Warnings {
		a.io.say("warning: %v", w)
	}
	failures := document.RunTests()
	for _, f := range failures {
		if _, err := fmt.Fprintln(a.io.Out, printable("FAIL "+f.String())); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(a.io.Out, "%d people, %d groups, %d rules; %d warnings; %d tests, %d failed.\n", len(document.Book.People),
		len(document.Book.Groups), len(document.Book.Rules), len(document.Warnings), len(document.Tests), len(failures))
	if err == nil && len(failures) > 0 {
		return fail(runner.Failed, "%d of %d tests failed; vpsbot policy explain shows how a rule decides", len(failures), len(document.Tests))
	}
	return err
}
