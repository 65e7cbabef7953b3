package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

func operationsCommand(c *cli) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "operations", Short: "List the operations, and which of them the token may run", Args: noArgs,
		Long: "Lists the operations that can be run here. What the token or this installation refuses is left out;\n--all shows it with the reason.",
		RunE: c.run(required, func(ctx context.Context, s *session, _ []string) error { return s.listOperations(ctx, all) }),
	}
	cmd.Flags().BoolVar(&all, "all", false, "show refused operations too, with the reason")
	return c.withOutput(cmd, true)
}

func (s *session) listOperations(ctx context.Context, all bool) error {
	offers, note := s.Offers(ctx)
	for _, notice := range []string{note, app.UnmatchedGlobHint(s.Catalogue, s.Config.Policy.Operations)} {
		if notice != "" {
			s.io.say("%s", notice)
		}
	}
	list := text.Map(offers, func(o app.Offer) offerJSON {
		return offerJSON{
			o.Op.Name, o.Op.Title, o.Op.Description, o.Op.Risk, o.Op.Needs.Grantable(), o.Op.Request,
			o.Reason == "", o.Reason, o.Op.InputSchema(), o.Op.OutputSchema(),
		}
	})
	table := offerTable(offers, all)
	return s.print(result{value: list, table: &table, names: table.Column("operation")})
}

func offerTable(offers []app.Offer, all bool) runner.Table {
	t := runner.Table{Header: []string{"operation", "risk", "needs", "title"}}
	if all {
		t.Header = append(t.Header, "allowed")
	}
	refused, reasons, lacks := 0, "", false
	for _, o := range offers {
		if o.Reason != "" {
			refused++
			reason := o.Reason
			if strings.HasPrefix(reason, "it needs the permission") {
				reason, lacks = "needs "+o.Op.Needs.String(), true
			}
			reasons += "\n" + o.Op.Name + ": " + reason
			if !all {
				continue
			}
		}
		row := []string{o.Op.Name, string(o.Op.Risk), o.Needs(), o.Op.Title}
		if all {
			row = append(row, yesOrNo(o.Reason == ""))
		}
		t.Rows = append(t.Rows, row)
	}
	t.Note = text.Plural(len(t.Rows), "operation") + "; vpsbot help OPERATION explains one." + reasons
	if refused > 0 && !all {
		t.Note = fmt.Sprintf("%s; %d more refused here: vpsbot operations --all says why.", text.Plural(len(t.Rows), "operation"), refused)
	} else if lacks {
		t.Note += "\nPermissions are added at " + permissions.TokensPage
	}
	return t
}

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
