package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
)

type verifyFlags struct {
	keys, files, atLeast []string
}

func auditVerifyCommand(c *cli) *cobra.Command {
	var flags verifyFlags
	cmd := &cobra.Command{
		Use: "verify [--file FILE...]", Short: "Prove that no row of the log was changed or dropped",
		Long: helpText("audit-verify"), Example: "  vpsbot audit verify\n  vpsbot audit verify --key vpsbot/audit+1a2b3c4d+AX…\n  vpsbot audit verify --at-least 1201:9f86d0…\n  vpsbot audit verify --file exports/*.jsonl",
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.files = append(flags.files, args...) // a shell makes several words of *.jsonl
			return c.verifyAudit(cmd.Context(), flags)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&flags.keys, "key", nil, "verifier `KEY` that vpsbot audit key printed; again for each, if it was changed")
	f.StringArrayVar(&flags.atLeast, "at-least", nil, "number and hash, `SEQ:HASH`, of a row that the log must have; again for each")
	f.StringArrayVar(&flags.files, "file", nil, "export `FILE`, or archive of an earlier version, to verify together with the database; again for each")
	return c.withOutput(cmd, false)
}

func (c *cli) verifyAudit(ctx context.Context, flags verifyFlags) error {
	files, err := openExports(flags.files)
	if err != nil {
		return err
	}
	cfg, err := c.Config(ctx)
	if err != nil {
		return err
	}
	check, err := c.LogCheck(cfg, flags.keys)
	if err != nil {
		return err
	}
	for _, value := range flags.atLeast {
		mark, err := audit.ParseMark(value)
		if err != nil {
			return app.Errorf(runner.Invalid, "--at-least: %v", err)
		}
		check.Contains = append(check.Contains, mark)
	}
	report, err := app.VerifyLog(ctx, cfg, check, files)
	switch {
	case errors.Is(err, app.ErrSelectionOnly) && check.Keys.Any():
		return app.Errorf(runner.Failed, "a selection has no checkpoints: verify it where its database is, or export the whole log")
	case errors.Is(err, app.ErrSelectionOnly):
		err := c.print(result{value: map[string]int{"selected_rows": len(files.Selected)}, text: fmt.Sprintf("Each of %s is whole in itself.", text.Plural(len(files.Selected), "row"))})
		c.io.say("They are a selection: whether rows are missing, or were written anew, shows only where their database is.")
		return err
	case err != nil:
		return verifyError(err, report)
	case c.output.isForProgram():
		return c.print(result{value: report, names: []string{audit.Mark{Seq: report.Rows, Hash: report.Head}.String()}})
	}
	return c.printReport(report)
}

// verifyError adds the next step to an error of a verification.
func verifyError(err error, report audit.Report) error {
	if unsigned, ok := errors.AsType[*audit.UnsignedError](err); ok {
		return app.Errorf(runner.Failed, "%v", unsigned)
	}
	bad, ok := errors.AsType[*audit.BadRowError](err)
	if !ok {
		return err
	}
	whole := max(0, report.Rows-max(report.First, 1)+1)
	if bad.Outside && report.Rows > 0 {
		return app.Errorf(runner.Failed, "%v. Its %d rows fit each other. Keep the database as it is and find out who can write to it. If you yourself restored it from a copy, accept it: vpsbot audit key accept %s",
			bad, whole, audit.Mark{Seq: report.Rows, Hash: report.Head})
	}
	return app.Errorf(runner.Failed, "%v; the %d rows before it are whole. Keep the database as it is and find out who can write to it", bad, whole)
}

func (c *cli) printReport(r audit.Report) error {
	err := c.io.printf("The log is whole: %s, head %s\n%s", text.Plural(int(r.Rows), "row"), r.Head, signatures(r))
	if r.First > 1 {
		c.io.say("It begins with row %d: those before were archived by an earlier version, and are not here. --file ARCHIVE verifies them too.", r.First)
	}
	if r.Late > 0 {
		c.io.say("%d times rows were signed late, as processes without the key wrote them: vpsbot audit list --operation %s", r.Late, audit.LateOperation)
	}
	if r.Rows > 0 {
		c.io.say("To verify later that the log still has this row, keep elsewhere: --at-least %s", audit.Mark{Seq: r.Rows, Hash: r.Head})
	}
	return err
}

func signatures(r audit.Report) string {
	switch {
	case r.Signed > 0:
		return fmt.Sprintf("Signed up to row %d on %s, %s.", r.Signed, r.SignedAt.Format(time.RFC3339), text.Plural(int(r.Checkpoints), "checkpoint"))
	case r.Unchecked > 0:
		return fmt.Sprintf("Not checked: %s. Give --key, as vpsbot audit key printed it.", text.Plural(int(r.Unchecked), "checkpoint"))
	}
	return "It is unsigned: vpsbot audit key makes a key."
}
