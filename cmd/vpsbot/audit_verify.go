package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/tools"
)

func (a *app) auditVerifyCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "verify", Short: "Prove that no row of the log was changed or dropped", Args: noArgs,
		Long: "Reads the whole log and checks the chain. Rows cut off at the end leave no trace in the log\nitself: note the head that this prints, and compare.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.verifyAudit(cmd.Context(), asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func (a *app) verifyAudit(ctx context.Context, asJSON bool) error {
	p, err := a.assemble(ctx)
	if err != nil {
		return err
	}
	defer p.store.close() //nolint:errcheck // nothing was written
	store, err := p.store.get(ctx)
	if err != nil {
		return err
	}
	report, err := audit.Verify(store.Rows(ctx, audit.Filter{}))
	if bad, ok := errors.AsType[*audit.BadRow](err); ok {
		return fail(tools.Failed, "%v; what is before it (%s) is whole. Keep the database as it is and find out who can write to it", bad, plural(int(report.Rows), "row"))
	}
	if err != nil {
		return err
	}
	if asJSON {
		return a.io.writeJSON(report)
	}
	_, err = fmt.Fprintf(a.io.Out, "The log is whole: %s, head %s\n", plural(int(report.Rows), "row"), report.Head)
	return err
}
