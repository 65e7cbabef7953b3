package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

// recordJSON is an approval as --json shows it.
type recordJSON struct {
	ID         string          `json:"id"`
	State      approval.State  `json:"state"`
	Operation  string          `json:"operation"`
	Risk       string          `json:"risk"`
	Target     string          `json:"target"`
	TargetName string          `json:"target_name"`
	Input      json.RawMessage `json:"input"`
	Card       json.RawMessage `json:"card"`
	Actor      string          `json:"actor"`
	Surface    string          `json:"surface"`
	API        string          `json:"api"`
	Account    string          `json:"account"`
	Token      string          `json:"token"` // its label
	CreatedAt  time.Time       `json:"created_at"`
	ExpiresAt  time.Time       `json:"expires_at"`
	ChangedAt  time.Time       `json:"changed_at"`
	Approver   string          `json:"approver,omitempty"`
	APIStatus  int             `json:"api_status,omitempty"`
	Message    string          `json:"message,omitempty"`
	Result     json.RawMessage `json:"result,omitempty"`

	Others    int    `json:"others,omitempty"`        // so many people beside who asked must agree
	Approvers string `json:"approvers,omitempty"`     // who they may be
	ForYou    bool   `json:"waits_for_you,omitempty"` // only a list says so
}

func (a *app) recordJSON(rec approval.Record) recordJSON {
	return recordJSON{
		rec.ID, a.stateOf(rec), rec.Operation, rec.Risk, text.Clean(rec.Target), rec.TargetName, rec.Input, rec.Card,
		rec.Actor, rec.Surface, rec.API, rec.Account, rec.TokenName,
		rec.CreatedAt.UTC(), rec.ExpiresAt.UTC(), rec.ChangedAt.UTC(), rec.Approver, rec.APIStatus, rec.Message, rec.Result,
		rec.Others, text.Clean(rec.Approvers), false,
	}
}

// stateOf is a record's state as of now: nobody may have noted yet that its time is over.
func (a *app) stateOf(rec approval.Record) approval.State {
	waits := rec.State == approval.Pending || rec.State == approval.Approved
	if waits && !a.now().Before(rec.ExpiresAt) {
		return approval.Expired
	}
	return rec.State
}

func (a *app) approvalsListCommand() *cobra.Command {
	var asJSON, all bool
	cmd := &cobra.Command{
		Use: "list", Short: "List what is open", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listApprovals(cmd.Context(), all, asJSON) },
	}
	cmd.Flags().BoolVar(&all, "all", false, "list what has ended too")
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func (a *app) listApprovals(ctx context.Context, all, asJSON bool) error {
	p, err := a.assemble(ctx)
	if err != nil {
		return err
	}
	defer p.store.close() //nolint:errcheck // nothing was written
	if err := p.named(ctx); err != nil {
		return err
	}
	store, err := p.store.get(ctx)
	if err != nil {
		return err
	}
	records, err := a.findRecords(ctx, store, approval.Query{}, all)
	if err != nil {
		return err
	}
	forMe, err := a.forMe(ctx, p, store, records)
	if err != nil {
		return err
	}
	if asJSON {
		list := make([]recordJSON, 0, len(records))
		for _, rec := range records {
			one := a.recordJSON(rec)
			one.ForYou = slices.Contains(forMe, rec.ID)
			list = append(list, one)
		}
		return a.io.writeJSON(list)
	}
	table := a.recordTable(records, all)
	table.Note += forYou(forMe)
	_, err = fmt.Fprintln(a.io.Out, table.Styled(a.io.style(a.env).cell))
	return err
}

// findRecords returns the open ones, or all, of the records that q selects, newest first.
func (a *app) findRecords(ctx context.Context, store approval.Store, q approval.Query, all bool) ([]approval.Record, error) {
	q.Limit = manyRecords
	if !all {
		q.States = approval.Open
	}
	found, err := store.Find(ctx, q)
	var records []approval.Record
	for _, rec := range found {
		if all || a.stateOf(rec).IsOpen() {
			records = append(records, rec)
		}
	}
	return records, err
}

func (a *app) recordTable(records []approval.Record, all bool) runner.Table {
	t := runner.Table{Header: []string{"id", "state", "operation", "target", "account", "asked_by", "until"}}
	for _, rec := range records {
		state, until := a.stateOf(rec), ""
		if state == approval.Pending || state == approval.Approved {
			until = rec.ExpiresAt.UTC().Format(time.RFC3339)
		}
		t.Rows = append(t.Rows, []string{
			rec.ID, string(state), rec.Operation, text.Clean(rec.TargetName), text.Clean(rec.Account), text.Clean(rec.Actor) + " from " + rec.Surface, until,
		})
	}
	switch {
	case len(records) == 0 && all:
		t.Note = "No approvals."
	case len(records) == 0:
		t.Note = "Nothing is open; --all shows what has ended."
	default:
		t.Note = text.Plural(len(records), "approval") + "; vpsbot approvals show ID has the card"
		if a.waiting(records) {
			t.Note += ", approve ID or deny ID answers"
		}
		t.Note += "."
	}
	return t
}

// waiting reports whether any of the records waits for a person.
func (a *app) waiting(records []approval.Record) bool {
	return slices.ContainsFunc(records, func(rec approval.Record) bool { return a.stateOf(rec) == approval.Pending })
}

func (a *app) approvalsShowCommand() *cobra.Command {
	var asJSON bool
	cmd := a.onRecord("show ID", "Show one approval and its card", func(ctx context.Context, p *parts, rec approval.Record) error {
		if asJSON {
			return a.io.writeJSON(a.recordJSON(rec))
		}
		return a.showRecord(ctx, p, rec)
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func (a *app) showRecord(ctx context.Context, p *parts, rec approval.Record) error {
	card, err := runner.CardOf(rec)
	if err != nil {
		return err
	}
	state := a.stateOf(rec)
	if state != approval.Pending {
		card.Until = ""
	}
	fmt.Fprintf(a.io.Out, "%s %s (%s)\n%s\n", rec.ID, a.io.style(a.env).word(string(state)), rec.Operation, card.Text())
	store, err := p.store.get(ctx)
	if err != nil {
		return err
	}
	consents, err := store.Consents(ctx, rec.ID)
	for _, c := range consents {
		if c.Channel == string(permissions.Script) {
			fmt.Fprintf(a.io.Out, "%s, who asked, at %s: %s\n", text.Clean(c.Identity), c.At.UTC().Format(time.RFC3339), byFlag)
			continue
		}
		fmt.Fprintf(a.io.Out, "%s said %s over %s at %s\n", text.Clean(c.Identity), yesOrNo(c.Yes), c.Channel, c.At.UTC().Format(time.RFC3339))
	}
	if rec.Message != "" {
		fmt.Fprintln(a.io.Out, ending(rec))
	}
	if err == nil && state == approval.Pending && rec.Others > 0 {
		var c quorum
		c, err = p.missing(ctx, store, rec)
		fmt.Fprintf(a.io.Out, "Still to agree: %s.\n", c.of(rec))
	}
	return err
}
