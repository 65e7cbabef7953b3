package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
)

func auditShowCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use: "show APPROVAL", Short: "Tell one change from asking to end", Long: helpText("audit-show"), Args: oneArg("the id of an approval"),
		Example: "  vpsbot audit show hq3zm2ok", ValidArgsFunction: c.completeApprovals,
		RunE: c.runOnStore(func(ctx context.Context, s *session, args []string) error {
			h, err := s.historyOf(ctx, strings.ToLower(strings.TrimSpace(args[0])))
			if err != nil {
				return err
			}
			return s.print(result{value: h, names: []string{h.ID}, text: s.tell(h)})
		}),
	}
	return c.withOutput(cmd, false)
}

// history is a change from asking to end, by its rows of the log and, where it was not deleted, its approval.
type history struct {
	ID       string         `json:"id"`
	State    approval.State `json:"state"` // of a deleted approval what its last row says
	AskedAt  time.Time      `json:"asked_at"`
	SentAt   time.Time      `json:"sent_at,omitzero"`
	EndedAt  time.Time      `json:"ended_at,omitzero"`
	Effect   string         `json:"effect,omitempty"`
	Message  string         `json:"message,omitempty"`
	Consents []consentJSON  `json:"consents,omitempty"`
	Approval *recordJSON    `json:"approval,omitempty"`
	Rows     []audit.Row    `json:"rows"`
}

type consentJSON struct {
	Identity string    `json:"identity"`
	Person   string    `json:"person"`
	Channel  string    `json:"channel"`
	Yes      bool      `json:"yes"`
	Reason   string    `json:"reason,omitempty"`
	At       time.Time `json:"at"`
}

func (s *session) historyOf(ctx context.Context, id string) (h history, err error) {
	rec, missing := s.findRecord(ctx, id)
	filter := audit.Filter{Approval: rec.ID}
	if missing != nil {
		if app.ClassOf(missing) != runner.Invalid || len(id) < shortestID {
			return h, missing
		}
		filter.Where = func(row audit.Row) bool { return strings.HasPrefix(row.Approval, id) }
	}
	if h.Rows, err = runner.RowsOf(ctx, s.db, filter, runner.AuditScope{}); err != nil {
		return h, err
	}
	slices.Reverse(h.Rows)
	if missing != nil && (len(h.Rows) == 0 || h.Rows[0].Approval != h.Rows[len(h.Rows)-1].Approval) {
		return h, missing
	}
	h.fromRows()
	if missing == nil {
		err = s.addRecord(ctx, &h, rec)
	}
	return h, err
}

// fromRows reads from the rows what they say of the times and the end.
func (h *history) fromRows() {
	for _, row := range h.Rows {
		h.ID = row.Approval
		if h.AskedAt.IsZero() {
			h.AskedAt = row.At.UTC()
		}
		if row.Decision == audit.Allowed && row.Outcome == "" {
			h.SentAt = row.At.UTC()
		}
		switch d := row.Decision; {
		case row.Outcome != "":
			h.State = approval.State(row.Outcome)
		case d == audit.Denied || d == audit.Cancelled || d == audit.Expired || d == audit.Stale || d == audit.Refused && !h.SentAt.IsZero():
			h.State = approval.State(d)
		default:
			continue
		}
		h.EndedAt, h.Message = row.At.UTC(), text.Clean(row.Reason)
	}
}

func (s *session) addRecord(ctx context.Context, h *history, rec approval.Record) error {
	card, err := runner.CardOf(rec, s.Now())
	if err != nil {
		return err
	}
	consents, err := s.db.Consents(ctx, rec.ID)
	h.Consents = text.Map(consents, func(c approval.Consent) consentJSON {
		return consentJSON{c.Identity, c.Person, c.Channel, c.Yes, c.Reason, c.At.UTC()}
	})
	of := s.recordJSON(rec)
	h.ID, h.State, h.Effect, h.Message, h.Approval = rec.ID, of.State, card.Effect, text.Clean(rec.Message), &of
	h.AskedAt = of.CreatedAt
	if h.EndedAt = of.ChangedAt; h.State.IsOpen() {
		h.EndedAt = time.Time{}
	}
	return err
}

func (s *session) tell(h history) string {
	lines := []string{fmt.Sprintf("%s %s", h.ID, s.style().word(string(h.State)))}
	if h.Effect != "" {
		lines = append(lines, h.Effect)
	}
	if len(h.Rows) > 0 {
		lines = append(lines, "Asked "+placeOf(h.Rows[0].Surface)+" on the account "+text.Clean(h.Rows[0].Account)+".")
	}
	lines = append(lines, "")
	for _, row := range s.formatter().FormatAll(h.Rows) {
		lines = append(lines, clock(row.At, s.Now(), "15:04:05")+" "+row.Text)
	}
	if h.Message != "" {
		lines = append(lines, "", h.Message)
	}
	if !h.EndedAt.IsZero() {
		took := "It took " + text.Duration(h.EndedAt.Sub(h.AskedAt)) + " from asking to end"
		if !h.SentAt.IsZero() && h.SentAt.Before(h.EndedAt) {
			took += ", " + text.Duration(h.EndedAt.Sub(h.SentAt)) + " of them from sending"
		}
		lines = append(lines, took+".")
	}
	return strings.Join(lines, "\n")
}

// placeOf says where something was asked, by the stored form of its origin.
func placeOf(surface string) string {
	switch origin := approval.ParseOrigin(text.Clean(surface)); {
	case origin.Remote:
		return "by an assistant over HTTP"
	case origin.Surface == "mcp":
		return "by an assistant"
	case origin.Surface == "slack" && origin.Channel != "":
		return "in Slack channel " + origin.Channel
	case origin.Surface == "slack":
		return "in Slack"
	case origin.Surface == "terminal":
		return "at a terminal"
	default:
		return "from " + origin.Surface
	}
}
