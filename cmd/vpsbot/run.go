package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vpsbot/vpsbot/apiclient"
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

Exit codes: 0 done, 1 failed, 2 bad input, 3 refused, 4 a person's answer is needed or was no,
5 not known whether it happened.`

// runCommand is "run". Its operations are put in where they may be needed: making them all
// would slow down the start of everything else.
func (a *app) runCommand(withOperations bool) *cobra.Command {
	cmd := &cobra.Command{
		Use: "run OPERATION", Short: "Run an operation", Long: runHelp,
		Args: cobra.ArbitraryArgs, DisableFlagsInUseLine: true,
		DisableFlagParsing: true, // an unknown operation is the first mistake to tell, whatever its flags
		RunE:               a.runWithoutOperation,
	}
	if withOperations {
		a.addOperations(cmd)
	}
	return cmd
}

// runWithoutOperation is "run" where what follows is no operation.
func (a *app) runWithoutOperation(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return a.listOperations(cmd.Context(), false, false)
	case slices.Contains(args, "--help") || slices.Contains(args, "-h"):
		return cmd.Help()
	case strings.HasPrefix(args[0], "-"):
		return fail(runner.Invalid, "%s comes too early: flags follow the operation, as in vpsbot run servers.list --json", args[0])
	}
	return fail(runner.Invalid, "%s", runner.NoSuchOperation(args[0]))
}

func (a *app) addOperations(cmd *cobra.Command) {
	for _, op := range tools.Operations() {
		resource, _, _ := strings.Cut(op.Name, ".")
		if !cmd.ContainsGroup(resource) {
			title := strings.ToUpper(resource[:1]) + resource[1:]
			if resource == "dns" {
				title = "DNS"
			}
			cmd.AddGroup(&cobra.Group{ID: resource, Title: title + ":"})
		}
		cmd.AddCommand(a.operationCommand(op, resource))
	}
}

func (a *app) operationCommand(op *tools.Op, group string) *cobra.Command {
	r := &operationRun{app: a, op: op}
	cmd := &cobra.Command{
		Use: usage(op), Short: op.Title, Long: describe(op), Example: examples(op), GroupID: group,
		DisableFlagsInUseLine: true,
		Args:                  func(cmd *cobra.Command, args []string) error { return r.checkArgs(cmd.Flags(), args) },
		ValidArgsFunction:     a.completeTarget(op),
		RunE: func(cmd *cobra.Command, args []string) error {
			input, err := inputOf(op, cmd.Flags(), args)
			if err == nil {
				err = r.readLimit(cmd.Flags())
			}
			if err != nil {
				return invalid(err)
			}
			if err := checkRequestID(r.requestID, cmd.Flags().Changed("request-id")); err != nil {
				return err
			}
			return r.run(cmd.Context(), input)
		},
	}
	r.addRequestID(cmd)
	addFieldFlags(op, cmd.Flags())
	r.addFlags(cmd)
	a.completeServerFlag(cmd)
	return cmd
}

// operationRun is one run of one operation, with its flags.
type operationRun struct {
	*app
	op      *tools.Op
	flags   runFlags
	parts   *parts
	started bool // a progress line stands in the terminal
	limit   int  // how many rows of a list are shown; 0: as many as the Runner shows by itself

	requestID string
}

func (r *operationRun) checkArgs(flags *pflag.FlagSet, args []string) error {
	positional := r.op.Positional()
	if flag := strayWord(r.op, flags, args); flag != "" {
		return fail(runner.Invalid, "write --%s=true or --%s=false, with an equals sign and no space", flag, flag)
	}
	switch {
	case positional == "" && len(args) > 0:
		return fail(runner.Invalid, "%s takes no argument, but got %q; vpsbot run %s --help shows its flags", r.op.Name, args[0], r.op.Name)
	case r.op.Settles && r.flags.timeout <= 0:
		return fail(runner.Invalid, "--timeout must be above 0, such as 10m")
	case len(args) > 1:
		return fail(runner.Invalid, "%s takes one argument, %s, but got %d; quote a name that has spaces", r.op.Name, fieldtext.Flag(positional), len(args))
	}
	return nil
}

// run runs the operation, asks the person if need be, and shows what came of it.
func (r *operationRun) run(ctx context.Context, input []byte) error {
	p, err := r.operating(ctx)
	if err != nil {
		return err
	}
	defer p.store.close() //nolint:errcheck // what was written is committed
	r.parts = p
	call := runner.Call{
		Operation: r.op.Name, Input: input, Actor: p.actor, Surface: permissions.Terminal,
		RequestID: r.requestID, Limit: r.limit, CanAsk: r.io.atTerminal(), Interactive: r.io.atTerminal(),
		WaitLimit: r.flags.timeout, Progress: r.progress(),
	}
	reply := r.attend(ctx, func() runner.Reply {
		reply := p.runner.Run(ctx, call)
		if reply.Outcome == runner.ApprovalRequired && reply.Record != nil {
			return r.consent(ctx, call, reply)
		}
		return reply
	})
	r.endProgress()
	reply.Message = r.reworded(reply)
	return r.show(ctx, reply)
}

// show prints a reply: results to stdout, what went wrong to stderr.
func (r *operationRun) show(ctx context.Context, reply runner.Reply) error {
	if stopped := ctx.Err() != nil && reply.Outcome == runner.Done; stopped {
		reply.Message += " You stopped waiting; the work goes on at VPS.org."
	}
	if err := r.print(reply); err != nil {
		return unwritten(reply, err)
	}
	if reply.Class == runner.OK {
		return nil
	}
	return &exitError{reply.Class, reply.Message}
}

// unwritten is the error where stdout takes nothing. What became of a change is told all
// the same.
func unwritten(reply runner.Reply, err error) error {
	switch {
	case reply.Class != runner.OK:
		return fail(reply.Class, "%s (the result could not be written: %v)", reply.Message, err)
	case reply.Outcome == runner.Done:
		return fail(runner.Failed, "done, but the result could not be written: %v. %s", err, reply.Message)
	}
	return fail(runner.Failed, "the result could not be written: %v", err)
}

func (r *operationRun) print(reply runner.Reply) error {
	if r.op.IsRead() && reply.Class == runner.OK && reply.Message != "" {
		r.io.say("%s", reply.Message) // a notice beside the result
		reply.Message = ""
	}
	var err error
	switch table, isTable := reply.Table(); {
	case r.flags.json:
		if table.Part {
			r.io.say("%s", table.Note)
		}
		if raw := reply.JSON(); raw != nil {
			_, err = fmt.Fprintf(r.io.Out, "%s\n", raw)
		}
	case reply.Class != runner.OK:
	case isTable:
		_, err = fmt.Fprintln(r.io.Out, table.Styled(r.io.style(r.env).cell))
	default:
		_, err = fmt.Fprintln(r.io.Out, strings.TrimSpace(reply.Text()+"\n"+login(reply)))
	}
	return err
}

// login is the command by which a person gets into a server that was created and has settled;
// "" where there is none. It is made of an address alone, whatever the API sends as one.
func login(reply runner.Reply) string {
	s, isServer := reply.Value.(apiclient.Server)
	address, err := netip.ParseAddr(s.Address())
	if !isServer || err != nil || address.Zone() != "" || reply.Settled == "" || reply.Op.On != tools.NewServer || reply.Class != runner.OK {
		return ""
	}
	return "ssh root@" + address.String()
}
