package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/approval"
)

// completeApprovals completes the ids of open approvals.
func (a *app) completeApprovals(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	const none = cobra.ShellCompDirectiveNoFileComp
	switch {
	case len(args) == 1 && cmd.Name() == "settle":
		return []string{"done", "not_applied"}, none
	case len(args) > 0:
		return nil, none
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
	defer cancel()
	return a.openApprovals(ctx), none
}

func (a *app) openApprovals(ctx context.Context) []string {
	p, err := a.assemble(ctx)
	if err != nil {
		return nil
	}
	defer p.store.close() //nolint:errcheck // nothing was written
	store, err := p.store.get(ctx)
	if err != nil {
		return nil
	}
	records, _ := a.findRecords(ctx, store, approval.Query{}, false)
	var ids []string
	for _, rec := range records {
		ids = append(ids, cobra.CompletionWithDesc(rec.ID, rec.Operation))
	}
	return ids
}
