package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

func (a *app) operationsCommand() *cobra.Command {
	var asJSON, all bool
	cmd := &cobra.Command{
		Use: "operations", Short: "List the operations, and which of them the token may run", Args: noArgs,
		Long: "Lists the operations that can be run here. What the token or this installation refuses is left out;\n--all shows it with the reason.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listOperations(cmd.Context(), asJSON, all) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "everything about each, schemas included, as JSON")
	cmd.Flags().BoolVar(&all, "all", false, "show refused operations too, with the reason")
	return cmd
}

// offer is an operation and whether it can be run here.
type offer struct {
	op     *tools.Op
	reason string // why not; empty: it can
}

// offers returns every operation, and a note where the token could not be asked.
func (p *parts) offers(ctx context.Context) (all []offer, note string) {
	_, why, err := p.runner.Offered(ctx, runner.Call{Actor: p.actor, Surface: permissions.Terminal})
	if _, tokenErr := p.runner.Token(); errors.Is(tokenErr, config.ErrNoToken) {
		note = "No token is set, so all operations are shown."
	} else if err != nil {
		note = "Whether the token may run them is not known: " + err.Error()
	}
	for _, op := range tools.Operations() {
		all = append(all, offer{op, why[op.Name]})
	}
	return all, note
}

func (a *app) listOperations(ctx context.Context, asJSON, all bool) error {
	p, err := a.operating(ctx)
	if err != nil {
		return err
	}
	defer p.store.close() //nolint:errcheck // nothing was written
	offers, note := p.offers(ctx)
	for _, says := range []string{note, idleHint(p.config.Policy.Operations)} {
		if says != "" {
			a.io.say("%s", says)
		}
	}
	if asJSON {
		return a.writeOffers(offers)
	}
	table := offerTable(offers, all)
	_, err = fmt.Fprintln(a.io.Out, table.Styled(a.io.style(a.env).cell))
	return err
}

func offerTable(offers []offer, all bool) runner.Table {
	t := runner.Table{Header: []string{"operation", "risk", "needs", "title"}}
	if all {
		t.Header = append(t.Header, "allowed")
	}
	refused, reasons, lacks := 0, "", false
	for _, o := range offers {
		if o.reason != "" {
			refused++
			reason, lacking := o.short()
			reasons += "\n" + o.op.Name + ": " + reason
			lacks = lacks || lacking
		}
		if o.reason != "" && !all {
			continue
		}
		row := []string{o.op.Name, string(o.op.Risk), needs(o.op), o.op.Title}
		if all {
			row = append(row, yesOrNo(o.reason == ""))
		}
		t.Rows = append(t.Rows, row)
	}
	t.Note = text.Plural(len(t.Rows), "operation") + "; vpsbot run OPERATION --help explains one."
	switch {
	case refused > 0 && !all:
		t.Note = fmt.Sprintf("%s; %d more refused here: vpsbot operations --all says why.", text.Plural(len(t.Rows), "operation"), refused)
	case refused > 0:
		t.Note += reasons
	}
	if all && lacks {
		t.Note += "\nPermissions are added at " + permissions.TokensPage
	}
	return t
}

// short is the reason of a refusal in a few words, and whether it is a permission that the
// token lacks: then where to add it need not be said for each.
func (o offer) short() (reason string, lacking bool) {
	if strings.HasPrefix(o.reason, "it needs the permission") {
		return "needs " + o.op.Needs.String(), true
	}
	return o.reason, false
}

func needs(op *tools.Op) string {
	if len(op.Needs) == 0 {
		return "any token"
	}
	return op.Needs.String()
}

func yesOrNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// offerJSON is an operation as "operations --json" shows it.
type offerJSON struct {
	Name         string            `json:"name"`
	Title        string            `json:"title"`
	Description  string            `json:"description"`
	Risk         permissions.Risk  `json:"risk"`
	Needs        permissions.Needs `json:"needs"` // any one is enough
	Request      string            `json:"request"`
	Allowed      bool              `json:"allowed"`
	Reason       string            `json:"reason,omitempty"`
	InputSchema  json.RawMessage   `json:"input_schema,omitempty"`
	OutputSchema json.RawMessage   `json:"output_schema,omitempty"`
}

func (a *app) writeOffers(offers []offer) error {
	list := make([]offerJSON, 0, len(offers))
	for _, o := range offers {
		op := o.op
		list = append(list, offerJSON{
			op.Name, op.Title, op.Description, op.Risk, op.Needs.Grantable(), op.Request,
			o.reason == "", o.reason, op.InputSchema(), op.OutputSchema(),
		})
	}
	return a.io.writeJSON(list)
}
