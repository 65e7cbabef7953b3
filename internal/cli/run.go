package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/command"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/internal/trace"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// runCommand is "run", below which addOperations puts the operations.
func runCommand() *cobra.Command {
	return &cobra.Command{
		Use: "run OPERATION", Short: "Run an operation by its name; without one, list them", Long: helpText("run") + "\n\n" + exitCodeLine(), DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }, // runWords runs it
	}
}

type operationRun struct {
	*session
	op        *tools.Op
	timeout   time.Duration
	yes       bool
	typedName string // of --confirm
	requestID string
	limit     int  // how many rows of a list are shown; 0: as many as the Runner shows by itself
	started   bool // a progress line stands in the terminal
	record    atomic.Pointer[approval.Record]
}

// runOperation runs an operation, after asking for the fields that are missing where a person can be asked.
func (c *cli) runOperation(ctx context.Context, typed command.Command) error {
	r := &operationRun{op: typed.Op, yes: typed.Has("yes"), typedName: typed.Own["confirm"], requestID: typed.Own["request_id"]}
	if err := r.readFlags(typed, c.output); err != nil {
		return app.Invalid(err)
	}
	if c.output.sort != "" { // of all rows, not of those on the first page
		c.output.first, r.limit = r.limit, math.MaxInt
	}
	values := maps.Clone(typed.Input)
	if typed.Op.IsList() { // any number of rows, which the input does not take
		delete(values, "limit")
	}
	return c.withApp(ctx, required, func(s *session) error {
		r.session = s
		if err := s.askFields(ctx, typed.Op, values); err != nil {
			return err
		}
		if err := missing(typed.Op, values); err != nil {
			return err
		}
		input, err := fieldtext.Encode(typed.Op, values)
		if err != nil {
			return app.Invalid(err)
		}
		return r.run(ctx, input)
	})
}

// readFlags reads the flags of the terminal's own. A list has all of its rows where a program reads it, which does
// not notice that some are missing.
func (r *operationRun) readFlags(typed command.Command, out output) (err error) {
	if _, given := typed.Own["request_id"]; given && !approval.IsRequestID(r.requestID) {
		return fmt.Errorf("--request-id must be 1 to %d printable characters, %d bytes at most", approval.RequestIDChars, approval.RequestIDBytes)
	}
	r.timeout = 30 * time.Minute
	if given, ok := typed.Own["timeout"]; ok {
		if r.timeout, err = time.ParseDuration(given); err != nil || r.timeout <= 0 {
			return fmt.Errorf("--timeout must be a time such as 90s or 10m, not %q", given)
		}
	}
	limit, isLimited := typed.Input["limit"]
	switch {
	case !r.op.IsList():
	case isLimited && typed.Has("all"):
		return errors.New("--limit and --all are given; leave one out")
	case isLimited:
		if r.limit, err = strconv.Atoi(limit); err != nil || r.limit < 1 {
			return fmt.Errorf("--limit must be a whole number above 0, not %q", limit)
		}
	case typed.Has("all") || out.isForProgram():
		r.limit = math.MaxInt
	}
	return nil
}

// missing reports all required fields that have no value, at once.
func missing(op *tools.Op, values map[string]string) error {
	var names []string
	for _, f := range fieldtext.Missing(op, values) {
		name := "--" + fieldtext.Flag(f.Name)
		if f.Name == op.Positional() {
			name = strings.ToUpper(fieldtext.Flag(f.Name))
		}
		names = append(names, name)
	}
	if names == nil {
		return nil
	}
	typed := strings.ReplaceAll(op.Name, ".", " ")
	return app.Errorf(runner.Invalid, "%s needs %s; vpsbot help %s says more", typed, text.Join(names, "and"), typed)
}

// run runs the operation, asks the person if need be, and prints the reply.
func (r *operationRun) run(ctx context.Context, input []byte) error {
	ctx, span := r.Runner.Tracer.Begin(ctx, trace.Server, "vpsbot "+r.op.Name)
	defer span.End()
	atTerminal := r.io.atTerminal()
	call := runner.Call{
		Operation: r.op.Name, Input: input, Actor: r.Actor, Surface: permissions.Terminal,
		RequestID: r.requestID, Limit: r.limit, CanPrompt: atTerminal, Interactive: atTerminal,
		WaitLimit: r.timeout, Progress: r.progress(), OnRecord: func(rec approval.Record) { r.record.Store(&rec) },
	}
	reply := r.runInterruptible(ctx, func() runner.Reply {
		reply := r.Runner.Run(ctx, call)
		if reply.Outcome == runner.ApprovalRequired && reply.Record != nil {
			return r.consent(ctx, call, reply)
		}
		return reply
	})
	if reply.Class != runner.OK {
		span.Fail(reply.Class.String())
	}
	if r.started {
		fmt.Fprint(r.io.Err, clearLine)
	}
	if ctx.Err() != nil && reply.Class != runner.OK && r.record.Load() == nil {
		reply = runner.Reply{Op: r.op, Class: runner.Failed, Message: "stopped; nothing was sent"}
	}
	reply.Message = r.asCommands(r.terminalMessage(reply))
	if err := r.print(r.priced(ctx, reply)); err != nil {
		return unwritten(reply, err)
	}
	if reply.Class == runner.OK {
		return nil
	}
	return &app.Error{Class: reply.Class, Message: reply.Message}
}

// unwritten is the error where stdout cannot be written to. It has the outcome of the change, too.
func unwritten(reply runner.Reply, err error) error {
	if ours, ok := errors.AsType[*app.Error](err); ok {
		return ours // of the flags by which it is printed
	}
	switch {
	case reply.Class != runner.OK:
		return app.Errorf(reply.Class, "%s (the result could not be written: %v)", reply.Message, err)
	case reply.Outcome == runner.Done:
		return app.Errorf(runner.Failed, "done, but the result could not be written: %v. %s", err, reply.Message)
	}
	return app.Errorf(runner.Failed, "the result could not be written: %v", err)
}

// priced adds what its plan costs to a server that a person reads. Only VPS.org's list of plans has the prices, and it
// may give a plan another id than the server does: the name decides.
func (r *operationRun) priced(ctx context.Context, reply runner.Reply) runner.Reply {
	server, isServer := reply.Value.(apiclient.Server)
	if !isServer || !r.op.IsRead() || r.output.isForProgram() || server.Plan.Name == "" {
		return reply
	}
	for _, plan := range tools.Results[apiclient.Plan](r.wholeList(ctx, r.Catalogue.PlanList().Name, nil).Value) {
		if plan.Name == server.Plan.Name && !plan.PriceMonthly.IsZero() {
			server.Plan.Extra = map[string]any{"price_monthly": plan.PriceMonthly}
			reply.Value = server
		}
	}
	return reply
}

// wholeList runs a list for this command itself, with all of its rows. It is refused where the operation is.
func (s *session) wholeList(ctx context.Context, operation string, input []byte) runner.Reply {
	return s.Runner.Run(ctx, runner.Call{Operation: operation, Input: input, Limit: math.MaxInt, Actor: s.Actor, Surface: permissions.Terminal})
}

// resultOf is what a terminal prints of an operation's reply: a list as a table, one object as its details, a change
// as sentences. Of a reply that is no success only programs get something: a person gets the error.
func (r *operationRun) resultOf(reply runner.Reply) result {
	raw := reply.JSON()
	out := result{value: raw}
	table, isTable := reply.Table()
	switch {
	case reply.Class != runner.OK:
	case isTable:
		table.Note = allNote(table.Note)
		out.table, out.row = &table, rowOf(reply.Op)
		if r.output.format == "name" {
			out.names = namesOf(reply.Value, raw, table.Part)
		}
	case reply.Op.IsRead():
		out.text, out.names = r.style().details(jsontext.Value(raw), r.Now()), namesOf(reply.Value, raw, true)
	default:
		out.text, out.names = strings.TrimSpace(reply.Text()+"\n"+login(reply)), changedNames(reply)
	}
	return out
}

// allNote says how a terminal shows all of a list.
func allNote(note string) string {
	shown, _, isPart := strings.Cut(note, "; more with offset ")
	if !isPart {
		return note
	}
	_, of, _ := strings.Cut(shown, " of ")
	total, _, _ := strings.Cut(of, " ")
	return shown + "; --all shows all " + total + "."
}

// namesOf are the words by which other commands take what was read: a server's name where it is known to be its
// alone, the name of a domain or a zone, otherwise the id.
func namesOf(value any, raw json.RawMessage, isPart bool) (names []string) {
	bare := map[string]bool{}
	if servers, ok := value.(tools.Listing[apiclient.Server]); ok && !isPart {
		for _, name := range typeable(servers.Results) {
			bare[name] = true
		}
	}
	for _, row := range rowsOf(raw) {
		cells := map[string]string{}
		addCells(cells, nil, "", row)
		name := cmp.Or(cells["domain_name"], cells["domain"], cells["id"], cells["uuid"], cells["account.email"])
		if bare[cells["name"]] {
			name = cells["name"]
		}
		names = append(names, name)
	}
	return names
}

func changedNames(reply runner.Reply) []string {
	if id := tools.Summarize(reply.Value).ID; !id.IsZero() {
		return []string{text.Clean(id.String())}
	}
	if reply.Record == nil {
		return nil
	}
	_, id, _ := strings.Cut(reply.Record.Target, ":")
	return []string{text.Clean(cmp.Or(id, reply.Record.Target))}
}

// print prints results to stdout; an error is printed by [Report].
func (r *operationRun) print(reply runner.Reply) error {
	if r.op.IsRead() && reply.Class == runner.OK && reply.Message != "" {
		r.io.say("%s", reply.Message) // a notice beside the result
		reply.Message = ""
	}
	if _, isAccount := reply.Value.(apiclient.Me); isAccount && !r.output.isForProgram() {
		r.io.say("The token comes from %s.", r.Config.TokenSource())
	}
	out := r.resultOf(reply)
	if isProgram := r.output.isForProgram(); isProgram && out.value == nil || !isProgram && reply.Class != runner.OK {
		return nil
	}
	return r.session.print(out)
}

// login is the ssh command for a server that was created and has settled, or "". It contains nothing of the
// API's but a valid address.
func login(reply runner.Reply) string {
	address, err := netip.ParseAddr(tools.Summarize(reply.Value).Address)
	if err != nil || address.Zone() != "" || reply.Settled == "" || !reply.Op.Resource.HasLogin || reply.Class != runner.OK {
		return ""
	}
	return "ssh root@" + address.String()
}

// terminalMessage is a reply's message with flags in the place of fields, and with the next step at a terminal.
func (r *operationRun) terminalMessage(reply runner.Reply) string {
	switch reply.Class {
	case runner.Invalid:
		return inFlags(r.op, reply.Message)
	case runner.Refuse, runner.Failed:
		message := r.refusal(reply.Message)
		if reply.Class == runner.Refuse && r.io.atTerminal() {
			message = strings.Replace(message, runner.LiftedByPerson, "vpsbot unfreeze lifts it", 1)
		}
		return message
	}
	return reply.Message
}

// refusal puts first what is easily corrected: no token, or a glob that matches no operation.
func (r *operationRun) refusal(message string) string {
	policy := r.Config.Policy
	ask := permissions.Ask{Actor: r.Actor, Surface: permissions.Terminal, Operation: r.op.Name, Risk: r.op.Risk}
	if !policy.Decide(ask).Allowed {
		if hint := app.UnmatchedGlobHint(r.Catalogue, policy.Operations); hint != "" {
			message += ". " + hint
		}
		return message
	}
	if _, err := r.Runner.Token(); errors.Is(err, config.ErrNoToken) {
		return err.Error()
	}
	return message
}

// inFlags spells the fields of an input as their flags. A field of one plain word is replaced only where the
// sentence begins with it.
func inFlags(op *tools.Op, message string) string {
	for _, f := range op.Fields {
		flag := "--" + fieldtext.Flag(f.Name)
		if strings.Contains(f.Name, "_") {
			message = strings.ReplaceAll(message, f.Name, flag)
		} else if f.Name != op.Positional() && strings.HasPrefix(message, f.Name+" ") {
			message = "--" + message
		}
	}
	return message
}

const clearLine = "\r\x1b[K"

// progress shows the status while the command waits: in a terminal one line that is overwritten, else a line
// for each change.
func (r *operationRun) progress() func(string, time.Duration) {
	line := func(status string, waited time.Duration) string {
		what := r.op.Verb()
		if rec := r.record.Load(); rec != nil {
			what = runner.Subject(r.Catalogue, *rec)
		}
		return fmt.Sprintf("%s: %s (%s)", what, cmp.Or(strings.ReplaceAll(status, "_", " "), "accepted"), text.Short(waited))
	}
	if r.io.errTerminal && !isDumb(r.Variables) {
		return func(status string, waited time.Duration) {
			r.started = true
			fmt.Fprint(r.io.Err, clearLine+line(status, waited))
		}
	}
	last := ""
	return func(status string, waited time.Duration) {
		if status != last {
			last = status
			r.io.say("%s", line(status, waited))
		}
	}
}
