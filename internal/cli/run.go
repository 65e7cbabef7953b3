package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

const runHelp = `Runs one operation. Reads and harmless changes run at once; what interrupts a server or costs
money shows a card and asks [y/N]; what destroys data asks you to type the name. Only a person at a
terminal can answer. Elsewhere, in a pipe, a background job or CI, it ends with exit code 4 and says
how a person agrees; a flag answers there only where the policy lets a script do so.

  vpsbot run servers.list
  vpsbot run servers.get web-server-01 --json
  vpsbot run servers.delete web-server-01 --dry-run

`

// runCommand is "run", with the operations below it that args, the arguments of the program, may name: making them
// all would slow down the start.
func runCommand(c *cli, args []string) *cobra.Command {
	cmd := &cobra.Command{
		Use: "run OPERATION", Short: "Run an operation", Long: runHelp + exitCodeLine(),
		Args: cobra.ArbitraryArgs, DisableFlagsInUseLine: true,
		DisableFlagParsing: true, // an unknown operation is reported before its flags
		RunE:               c.runWithoutOperation,
	}
	if !slices.Contains(args, "run") {
		return cmd
	}
	operations := c.Catalogue.Operations()
	if args[0] == "run" && len(args) > 1 {
		if op, ok := c.Catalogue.Lookup(args[1]); ok {
			operations = []*tools.Op{op}
		}
	}
	for _, op := range operations {
		resource, _, _ := strings.Cut(op.Name, ".")
		if !cmd.ContainsGroup(resource) {
			title := strings.ToUpper(resource[:1]) + resource[1:]
			if resource == "dns" {
				title = "DNS"
			}
			cmd.AddGroup(&cobra.Group{ID: resource, Title: title + ":"})
		}
		cmd.AddCommand(operationCommand(c, op, resource))
	}
	return cmd
}

func (c *cli) runWithoutOperation(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return c.withApp(cmd.Context(), required, func(s *session) error { return s.listOperations(cmd.Context(), false) })
	case slices.Contains(args, "--help") || slices.Contains(args, "-h"):
		return cmd.Help()
	case strings.HasPrefix(args[0], "-"):
		return app.Errorf(runner.Invalid, "%s comes too early: flags follow the operation, as in vpsbot run servers.list --json", args[0])
	}
	return app.Errorf(runner.Invalid, "%s", runner.NoSuchOperation(c.Catalogue, args[0]))
}

func operationCommand(c *cli, op *tools.Op, group string) *cobra.Command {
	r := &operationRun{op: op}
	cmd := &cobra.Command{
		Use: usage(op), Short: op.Title, Long: describe(op), Example: examples(op), GroupID: group,
		DisableFlagsInUseLine: true,
		Args:                  func(cmd *cobra.Command, args []string) error { return r.checkArgs(cmd.Flags(), args) },
		ValidArgsFunction:     c.completeTarget(op),
		RunE: func(cmd *cobra.Command, args []string) error {
			input, err := inputOf(op, cmd.Flags(), args)
			if err == nil {
				err = r.readLimit(cmd.Flags())
			}
			if err != nil {
				return app.Invalid(err)
			}
			if cmd.Flags().Changed("request-id") && !approval.IsRequestID(r.requestID) {
				return app.Errorf(runner.Invalid, "--request-id must be 1 to %d printable characters, %d bytes at most", approval.RequestIDChars, approval.RequestIDBytes)
			}
			return c.withApp(cmd.Context(), required, func(s *session) error {
				r.session = s
				return r.run(cmd.Context(), input)
			})
		},
	}
	r.addFlags(c.Catalogue, cmd)
	if cmd.Flags().Lookup("server") != nil { // by which a list can be narrowed
		completeFlag(cmd, "server", c.completeServer)
	}
	return cmd
}

type operationRun struct {
	*session
	op        *tools.Op
	json      bool
	timeout   time.Duration
	yes       bool
	typedName string // of --confirm
	requestID string
	limit     int  // how many rows of a list are shown; 0: as many as the Runner shows by itself
	started   bool // a progress line stands in the terminal
}

func (r *operationRun) checkArgs(flags *pflag.FlagSet, args []string) error {
	positional := r.op.Positional()
	if flag := strayWord(r.op, flags, args); flag != "" {
		return app.Errorf(runner.Invalid, "write --%s=true or --%s=false, with an equals sign and no space", flag, flag)
	}
	switch {
	case positional == "" && len(args) > 0:
		return app.Errorf(runner.Invalid, "%s takes no argument, but got %q; vpsbot run %s --help shows its flags", r.op.Name, args[0], r.op.Name)
	case r.op.Settles && r.timeout <= 0:
		return app.Errorf(runner.Invalid, "--timeout must be above 0, such as 10m")
	case len(args) > 1:
		return app.Errorf(runner.Invalid, "%s takes one argument, %s, but got %d; quote a name that has spaces", r.op.Name, fieldtext.Flag(positional), len(args))
	}
	return nil
}

// run runs the operation, asks the person if need be, and prints the reply.
func (r *operationRun) run(ctx context.Context, input []byte) error {
	atTerminal := r.io.atTerminal()
	call := runner.Call{
		Operation: r.op.Name, Input: input, Actor: r.Actor, Surface: permissions.Terminal,
		RequestID: r.requestID, Limit: r.limit, CanPrompt: atTerminal, Interactive: atTerminal,
		WaitLimit: r.timeout, Progress: r.progress(),
	}
	reply := r.runInterruptible(ctx, func() runner.Reply {
		reply := r.Runner.Run(ctx, call)
		if reply.Outcome == runner.ApprovalRequired && reply.Record != nil {
			return r.consent(ctx, call, reply)
		}
		return reply
	})
	if r.started {
		fmt.Fprint(r.io.Err, clearLine)
	}
	reply.Message = r.terminalMessage(reply)
	if stopped := ctx.Err() != nil && reply.Outcome == runner.Done; stopped {
		reply.Message += " You stopped waiting; the work goes on at VPS.org."
	}
	if err := r.print(reply); err != nil {
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

// print prints results to stdout; an error is printed by [Report].
func (r *operationRun) print(reply runner.Reply) error {
	if r.op.IsRead() && reply.Class == runner.OK && reply.Message != "" {
		r.io.say("%s", reply.Message) // a notice beside the result
		reply.Message = ""
	}
	var err error
	switch table, isTable := reply.Table(); {
	case r.json:
		if table.Part {
			r.io.say("%s", table.Note)
		}
		if raw := reply.JSON(); raw != nil {
			_, err = fmt.Fprintf(r.io.Out, "%s\n", raw)
		}
	case reply.Class != runner.OK:
	case isTable:
		err = r.session.print(result{table: &table})
	default:
		err = r.io.println(strings.TrimSpace(reply.Text() + "\n" + login(reply)))
	}
	return err
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
	if r.io.errTerminal && !isDumb(r.Variables) {
		return func(status string, waited time.Duration) {
			r.started = true
			fmt.Fprintf(r.io.Err, clearLine+"%s: %s (%s)", r.op.Name, status, waited.Round(time.Second))
		}
	}
	last := ""
	return func(status string, waited time.Duration) {
		if status != last {
			last = status
			r.io.say("%s: %s (%s)", r.op.Name, status, waited.Round(time.Second))
		}
	}
}
