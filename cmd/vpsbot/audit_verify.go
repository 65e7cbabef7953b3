package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/tools"
)

// unsignedTail is how many rows may wait for the next checkpoint: one is due every 100.
const unsignedTail = 100

// verifyFlags are the flags of "audit verify".
type verifyFlags struct {
	keys, files []string
	json        bool
}

func (a *app) auditVerifyCommand() *cobra.Command {
	var flags verifyFlags
	cmd := &cobra.Command{
		Use: "verify [--key VERIFIER] [--file ARCHIVE...]", Short: "Prove that no row of the log was changed or dropped",
		Long:    "Reads the whole log and checks the chain and its signed checkpoints; names the first row that is\nwrong, and ends with 1. Rows cut off at the end are found up to the last checkpoint; without any,\nnote the head that this prints, and compare.\n\nThe key is that of the file that signs, unless --key says it. Who could change the database could\nhave changed that file too: keep the verifier key elsewhere, and give it.",
		Example: "  vpsbot audit verify\n  vpsbot audit verify --key vpsbot/audit+1a2b3c4d+AX…\n  vpsbot audit verify --file archives/*.jsonl",
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.files = append(flags.files, args...) // a shell makes several words of *.jsonl
			return a.verifyAudit(cmd.Context(), flags)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&flags.keys, "key", nil, "verifier key that vpsbot audit key printed; again for each, if it was changed")
	f.StringArrayVar(&flags.files, "file", nil, "archive to verify together with the rest; again for each")
	f.BoolVar(&flags.json, "json", false, "as JSON")
	return cmd
}

func (a *app) verifyAudit(ctx context.Context, flags verifyFlags) error {
	archives, err := openArchives(flags.files)
	if err != nil {
		return err
	}
	return a.withLog(ctx, func(p *parts, db *store.Store) error {
		known, err := knownKeys(p.config, flags.keys)
		if err != nil {
			return err
		}
		notes, err := db.Notes(ctx) // before the rows: they may only be longer than the checkpoints say
		if err != nil {
			return err
		}
		log := audit.Merge(db.Rows(ctx, audit.Filter{}), notes)
		report, err := audit.VerifyParts(known, append(archives, log)...)
		if err != nil {
			return badRow(err, report)
		}
		if flags.json {
			return a.io.writeJSON(report)
		}
		return a.showReport(report, known)
	})
}

func (a *app) showReport(r audit.Report, known audit.Verifiers) error {
	_, err := fmt.Fprintf(a.io.Out, "The log is whole: %d rows, head %s\n%s\n", r.Rows, r.Head, signatures(r, known))
	if r.First > 1 {
		a.io.say("Rows 1 to %d were archived: --file ARCHIVE verifies them too.", r.First-1)
	}
	if r.Signed > 0 && r.Rows-r.Signed > unsignedTail {
		a.io.say("Warning: the last %d rows are not signed. Either a process runs without the key, or checkpoints were removed.", r.Rows-r.Signed)
	}
	return err
}

// signatures says in a line what the checkpoints tell.
func signatures(r audit.Report, known audit.Verifiers) string {
	switch {
	case r.Signed > 0:
		return fmt.Sprintf("Signed up to row %d on %s, %d checkpoints.", r.Signed, r.SignedAt.Format(time.RFC3339), r.Checkpoints)
	case r.Unchecked > 0:
		return fmt.Sprintf("Its %d checkpoints were not checked: give --key, as vpsbot audit key printed it.", r.Unchecked)
	case known.Any():
		return "It is unsigned: there is a key, but no checkpoint yet, or they were removed."
	}
	return "It is unsigned: vpsbot audit key makes a key."
}

// readable refuses a malformed verifier key as bad input.
func readable(known audit.Verifiers, err error) (audit.Verifiers, error) {
	if err != nil {
		return known, fail(tools.Invalid, "--key: %v", err)
	}
	return known, nil
}
