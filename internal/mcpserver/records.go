package mcpserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// recordTool is a tool that reads vpsbot's own store. It is no operation: VPS.org is asked for nothing but what the
// token may do, and no glob of a policy or of VPSBOT_OPERATIONS is about it. It is for those who may run any operation.
type recordTool struct {
	*tools.Op
	output string // schema
	read   func(s *Server, ctx context.Context, in tools.Input) (recordPage, error)
}

// recordPage is what such a tool answers, and the same in lines.
type recordPage struct {
	Count   int      `json:"count"` // of all that match, as far as they were read
	Results any      `json:"results"`
	Notice  string   `json:"notice,omitempty"`
	lines   []string // one a result
}

type approvalsInput struct {
	Server string `json:"server,omitzero"`
	State  string `json:"state,omitzero" rule:"code" doc:"open or ended"`
}

type auditInput struct {
	Server    string `json:"server,omitzero" doc:"Or a part of its name"`
	Operation string `json:"operation,omitzero" rule:"text" doc:"Tool, glob (*_delete) or verb"`
	Person    string `json:"person,omitzero" rule:"text" doc:"Who asked"`
	Since     string `json:"since,omitzero" rule:"text" doc:"2026-01-31, a time, or 7d ago"`
	Until     string `json:"until,omitzero" rule:"text"`
}

const (
	approvalsShown = 10
	rowsShown      = 20

	approvalsSchema = `{"type":"object","properties":{"count":{"type":"integer"},"results":{"type":"array","items":{"type":"object","properties":{"id":{"type":"string"},"state":{"type":"string"},"tool":{"type":"string"},"target":{"type":"string"},"effect":{"type":"string"},"asked_by":{"type":"string"},"asked_by_you":{"type":"boolean"},"waits_for_you":{"type":"boolean"},"created_at":{"type":"string"},"changed_at":{"type":"string"},"expires_at":{"type":"string"},"message":{"type":"string"},"answer":{"type":"string"}},"required":["id","state","tool","target","effect","asked_by","asked_by_you","waits_for_you","created_at","changed_at"]}},"notice":{"type":"string"}},"required":["count","results"]}`
	auditSchema     = `{"type":"object","properties":{"count":{"type":"integer"},"results":{"type":"array","items":{"type":"object","properties":{"at":{"type":"string"},"who":{"type":"string"},"tool":{"type":"string"},"target":{"type":"string"},"outcome":{"type":"string"},"why":{"type":"string"},"answered_by":{"type":"string"},"where":{"type":"string"}},"required":["at","who","tool","outcome","where"]}},"notice":{"type":"string"}},"required":["count","results"]}`
)

var recordTools = sync.OnceValue(func() []recordTool {
	return []recordTool{
		{tools.Local[approvalsInput](tools.Meta{
			Name: "approvals_list", Title: "List approvals",
			Description: "Changes that you asked for, with how they ended (a week), and those that wait for your person's answer.",
		}, approvalsShown), approvalsSchema, (*Server).approvalsPage},
		{tools.Local[auditInput](tools.Meta{
			Name: "audit_list", Title: "List the audit log",
			Description: "Who did, asked, agreed to or was refused what, and when; newest first.",
		}, rowsShown), auditSchema, (*Server).auditPage},
	}
})

func recordToolNamed(name string) (t recordTool, ok bool) {
	i := slices.IndexFunc(recordTools(), func(t recordTool) bool { return t.Name == name })
	if i < 0 {
		return t, false
	}
	return recordTools()[i], true
}

func (s *Server) callRecords(ctx context.Context, c client, t recordTool, params callParams) callResult {
	ctx = withClient(ctx, c)
	if c.remote {
		limited, limit := limitCall(ctx)
		defer limit.pause()
		ctx = limited
	}
	page, err := guard(s, t.Name, func() (recordPage, error) {
		in, err := t.ParseInput(arguments(t.Op, params.Arguments))
		if err != nil {
			return recordPage{}, invalidParams(err.Error())
		}
		return t.read(s, ctx, in)
	})
	if err != nil {
		return callResult{text: err.Error(), isError: true}
	}
	raw, err := json.Marshal(page)
	if err != nil {
		return s.internalError(t.Name, err)
	}
	return callResult{text: strings.TrimSpace(strings.Join(append(page.lines, page.Notice), "\n")), structured: raw}
}

// limited cuts a page, and says that it did or that nothing matches.
func limited[T any](all []T, limit int, nothing string) (shown []T, notice string) {
	switch {
	case len(all) == 0:
		return []T{}, nothing
	case len(all) > limit:
		return all[:limit], fmt.Sprintf("Only the newest %d; a higher limit shows more.", limit)
	}
	return all, ""
}

func (s *Server) approvalsPage(ctx context.Context, in tools.Input) (page recordPage, err error) {
	state := in.Text("state")
	if state != "" && state != "open" && state != "ended" {
		return page, invalidParams("state must be open or ended, not " + text.Quote(state))
	}
	all, err := s.listApprovals(ctx, in.Text("server"))
	if err != nil {
		return page, err
	}
	all = slices.DeleteFunc(all, func(d approvalDocument) bool { return state != "" && d.State.IsOpen() != (state == "open") })
	page.Count = len(all)
	shown, notice := limited(all, in.Limit, "No approval matches: neither one that you asked for within a week, nor one that waits for your answer.")
	page.Results, page.Notice, page.lines = shown, notice, text.Map(shown, approvalDocument.line)
	return page, nil
}

func (d approvalDocument) line() string {
	says := fmt.Sprintf("%s: %s of %s is %s, asked by %s at %s.", d.ID, d.Tool, text.Quote(d.Target), d.State, d.AskedBy, text.Moment(d.CreatedAt))
	if d.WaitsForYou {
		says += " It waits for your person's answer until " + text.Moment(*d.ExpiresAt) + ". " + d.Answer
	}
	return strings.TrimSpace(says + " " + strings.TrimSpace(d.Message))
}

// auditDocument is a row as a model reads it. It has no arguments.
type auditDocument struct {
	At         time.Time `json:"at"`
	Who        string    `json:"who"`
	Tool       string    `json:"tool"`
	Target     string    `json:"target,omitempty"`
	Outcome    string    `json:"outcome"` // or what was decided, where nothing was sent
	Why        string    `json:"why,omitempty"`
	AnsweredBy string    `json:"answered_by,omitempty"` // who said yes or no
	Where      string    `json:"where"`                 // it was asked
}

func (s *Server) auditPage(ctx context.Context, in tools.Input) (page recordPage, err error) {
	all, err := s.approvalsFor(ctx)
	if err != nil {
		return page, err
	}
	filter, err := s.auditFilter(in, all.scope)
	if err != nil {
		return page, err
	}
	offered, _ := s.offered(ctx)
	policy := s.Runner.Policy()
	formatter, may := runner.AuditFormatter{Catalogue: s.Runner.Catalogue, Policy: policy}, runner.AuditScopeOf(s.Runner, callBy(ctx), offered)
	rows, err := formatter.Rows(ctx, all.store, filter, may)
	switch {
	case errors.As(err, new(*tools.InputError)):
		return page, invalidParams(s.toolNames(err.Error()))
	case err != nil:
		return page, err
	}
	shown, notice := limited(formatter.Format(rows), in.Limit, "No row matches.")
	if may.Whose != nil {
		notice = strings.TrimSpace(notice + " You may read your own rows alone.")
	}
	documents := []auditDocument{}
	for _, row := range shown {
		documents = append(documents, s.auditDocument(row, policy))
		page.lines = append(page.lines, text.Moment(row.At)+" "+s.toolNames(row.Text))
	}
	page.Count, page.Results, page.Notice = len(documents), documents, notice
	return page, nil
}

// auditFilter selects the rows of the account that match the input, and as many as show whether there are more.
func (s *Server) auditFilter(in tools.Input, scope approval.Query) (f audit.Filter, err error) {
	f.Actor, f.Operation = in.Text("person"), in.Text("operation")
	if f.Valid() != nil {
		return f, invalidParams("operation is no glob: write such as *_delete")
	}
	for name, at := range map[string]*time.Time{"since": &f.Since, "until": &f.Until} {
		if typed := in.Text(name); typed != "" {
			if *at, err = audit.ParseTime(typed, s.Runner.Now()); err != nil {
				return f, invalidParams(name + " " + err.Error())
			}
		}
	}
	server, unread := strings.ToLower(in.Text("server")), "not read, at "+scope.API
	f.Limit = 2*in.Limit + 1 // of a change that began and ended one row is shown
	f.Where = func(row audit.Row) bool {
		account := row.Account == "" || row.Account == scope.Account || row.Account == unread
		return account && strings.Contains(strings.ToLower(text.Clean(row.Target)), server)
	}
	return f, nil
}

func (s *Server) auditDocument(row runner.FormattedRow, policy permissions.Policy) auditDocument {
	d := auditDocument{
		At: row.At.UTC(), Who: runner.NameOf(policy, row.Actor), Tool: s.toolNames(text.Clean(row.Operation)), Target: runner.TargetOf(row.Row),
		Outcome: text.Clean(string(row.Outcome)), AnsweredBy: row.AnsweredBy, Where: text.Clean(approval.ParseOrigin(row.Surface).Surface),
	}
	if d.Outcome == "" {
		d.Outcome = text.Clean(string(row.Decision))
	}
	if d.Outcome != string(audit.Done) {
		d.Why = s.toolNames(row.Why)
	}
	return d
}

func (t recordTool) tool() mcp.Tool {
	return mcp.Tool{
		Name: t.Name, Title: t.Title, Description: t.Description, RawInputSchema: t.InputSchema(), RawOutputSchema: json.RawMessage(t.output),
		Annotations: mcp.ToolAnnotation{ReadOnlyHint: new(true), DestructiveHint: new(false), IdempotentHint: new(true), OpenWorldHint: new(false)},
	}
}
