package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
)

// verifyFlags are the flags of "audit verify".
type verifyFlags struct {
	keys, files, atLeast []string
	json                 bool
}

const verifyHelp = `Reads the whole log and checks the chain and its signed checkpoints; names the first row that is
wrong, and ends with 1. It opens the database to read alone.

With a key the log must be signed, all but its newest 100 rows or 10 minutes. The key is that of
the file that signs, unless --key says it. Who could change the database could have changed that
file too: keep the verifier key elsewhere, and give it.

The newest checkpoint is kept in a file outside the database (VPSBOT_AUDIT_STATE), and must be in the
log. --at-least takes a row that was noted elsewhere, as this command prints it.`

func (a *app) auditVerifyCommand() *cobra.Command {
	var flags verifyFlags
	cmd := &cobra.Command{
		Use: "verify [--key VERIFIER] [--at-least SEQ:HASH] [--file FILE...]", Short: "Prove that no row of the log was changed or dropped",
		Long: verifyHelp, Example: "  vpsbot audit verify\n  vpsbot audit verify --key vpsbot/audit+1a2b3c4d+AX…\n  vpsbot audit verify --at-least 1201:9f86d0…\n  vpsbot audit verify --file exports/*.jsonl",
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.files = append(flags.files, args...) // a shell makes several words of *.jsonl
			return a.verifyAudit(cmd.Context(), flags)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&flags.keys, "key", nil, "verifier key that vpsbot audit key printed; again for each, if it was changed")
	f.StringArrayVar(&flags.atLeast, "at-least", nil, "number and hash of a row that the log must have, SEQ:HASH; again for each")
	f.StringArrayVar(&flags.files, "file", nil, "export, or archive of an earlier version, to verify together with the database; again for each")
	f.BoolVar(&flags.json, "json", false, "as JSON")
	return cmd
}

func (a *app) verifyAudit(ctx context.Context, flags verifyFlags) error {
	files, err := openExports(flags.files)
	if err != nil {
		return err
	}
	cfg, err := config.Read(ctx, a.env, a.goos)
	if err != nil {
		return invalid(err)
	}
	check, err := a.check(cfg, flags.keys)
	if err != nil {
		return err
	}
	for _, text := range flags.atLeast {
		mark, err := audit.ParseMark(text)
		if err != nil {
			return fail(runner.Invalid, "--at-least: %v", err)
		}
		check.Contains = append(check.Contains, mark)
	}
	report, err := checkLog(ctx, cfg, check, files)
	switch {
	case errors.Is(err, errSelection):
		return a.showSelection(files.selected, check.Keys)
	case err != nil:
		return badLog(err, report)
	case flags.json:
		return a.io.writeJSON(report)
	}
	return a.showReport(report)
}

// check is what a log is held to: the keys, and what is kept outside the database.
func (a *app) check(cfg config.Config, keys []string) (audit.Check, error) {
	known, err := knownKeys(cfg, keys)
	if err != nil {
		return audit.Check{}, err
	}
	kept, err := keeper(cfg).Newest()
	switch {
	case errors.Is(err, audit.ErrNoCheckpoint):
		return audit.Check{}, fail(runner.Failed, "what is kept of the log outside the database was changed: %v", err)
	case err != nil:
		a.io.say("Warning: the log is not held to what is kept of it outside the database (VPSBOT_AUDIT_STATE): %v", err)
	}
	return audit.Check{Keys: known, Kept: kept}, nil
}

// keeper keeps the newest checkpoint of this database outside it.
func keeper(cfg config.Config) audit.CheckpointFile {
	return audit.CheckpointFile{Path: cfg.AuditStateFile()}
}

// errSelection says that nothing is there to compare the rows of a selection with.
var errSelection = errors.New("a selection alone")

// checkLog verifies files together with the log of the database, where there is one.
func checkLog(ctx context.Context, cfg config.Config, check audit.Check, files exports) (report audit.Report, err error) {
	check.Contains = append(slices.Clone(check.Contains), files.selected...)
	err = withLog(ctx, cfg, func(log auditLog) error {
		_, none := log.(noLog)
		switch {
		case none && len(files.parts) > 0:
			check.Kept = audit.Checkpoint{} // of the database, which is not looked at
			report, err = check.Verify(files.parts...)
			return err
		case none && len(files.selected) > 0:
			return errSelection
		}
		part, err := partOf(ctx, log, audit.Filter{})
		if err == nil {
			report, err = check.Verify(append(slices.Clone(files.parts), part)...)
		}
		return err
	})
	return report, err
}

// showSelection is about rows that nothing is there to compare with.
func (a *app) showSelection(rows []audit.Mark, known audit.Verifiers) error {
	if known.Any() {
		return fail(runner.Failed, "a selection has no checkpoints: verify it where its database is, or export the whole log")
	}
	_, err := fmt.Fprintf(a.io.Out, "Each of %s is whole in itself.\n", text.Plural(len(rows), "row"))
	a.io.say("They are a selection: whether rows are missing, or were written anew, shows only where their database is.")
	return err
}

func (a *app) showReport(r audit.Report) error {
	_, err := fmt.Fprintf(a.io.Out, "The log is whole: %d rows, head %s\n%s\n", r.Rows, r.Head, signatures(r))
	if r.First > 1 {
		a.io.say("It begins with row %d: those before were archived by an earlier version, and are not here. --file ARCHIVE verifies them too.", r.First)
	}
	if r.Late > 0 {
		a.io.say("%d times rows were signed late, as processes without the key wrote them: vpsbot audit list --operation %s", r.Late, audit.LateOperation)
	}
	if r.Rows > 0 {
		a.io.say("To hold it to this later, keep elsewhere: --at-least %s", audit.Mark{Seq: r.Rows, Hash: r.Head})
	}
	return err
}

// signatures says in a line what the checkpoints tell.
func signatures(r audit.Report) string {
	switch {
	case r.Signed > 0:
		return fmt.Sprintf("Signed up to row %d on %s, %s.", r.Signed, r.SignedAt.Format(time.RFC3339), text.Plural(int(r.Checkpoints), "checkpoint"))
	case r.Unchecked > 0:
		return fmt.Sprintf("Not checked: %s. Give --key, as vpsbot audit key printed it.", text.Plural(int(r.Unchecked), "checkpoint"))
	}
	return "It is unsigned: vpsbot audit key makes a key."
}

// readable refuses a malformed verifier key as bad input.
func readable(known audit.Verifiers, err error) (audit.Verifiers, error) {
	if err != nil {
		return known, fail(runner.Invalid, "--key: %v", err)
	}
	return known, nil
}
