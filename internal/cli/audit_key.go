package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

func auditKeyCommand(c *cli) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "key", Short: "Make the key that signs the log", Args: noArgs,
		Long: "Writes a new private key into a file for you alone, and prints its verifier key, the last word on\nstdout. From then on every process that finds the file signs a checkpoint every 100 rows or 10\nminutes. Keep the verifier key where the log's owner cannot change it: vpsbot audit verify --key.\nA person does this, at a terminal.",
		RunE: c.run(ifKnown, func(ctx context.Context, s *session, _ []string) error { return s.makeAuditKey(ctx, out) }),
	}
	cmd.Flags().StringVar(&out, "out", "", "`FILE` to write, never one that exists (default: VPSBOT_AUDIT_KEY_FILE, or audit.key beside the database)")
	cmd.AddCommand(acceptLogCommand(c))
	return c.withOutput(cmd, false)
}

func (s *session) makeAuditKey(ctx context.Context, out string) error {
	if err := s.mayAct(ctx, permissions.MakeAuditKey, out); err != nil {
		return err
	}
	inUse, _ := s.Config.AuditKeyFile()
	if out == "" {
		out = inUse
	}
	if out == "" {
		return app.Errorf(runner.Invalid, "there is no database file to put the key beside: name a file, --out FILE, and set VPSBOT_AUDIT_KEY_FILE to it")
	}
	private, err := audit.NewKey(s.Random)
	if err != nil {
		return err
	}
	key, err := audit.ParseKey(private)
	if err != nil {
		return err
	}
	if err := writeKey(out, private); err != nil {
		return err
	}
	if out != inUse {
		s.io.say("Set VPSBOT_AUDIT_KEY_FILE to %s wherever vpsbot runs on this database.", out)
	} else {
		row := s.auditRow(string(permissions.MakeAuditKey), "key:"+key.Name())
		row.Outcome = audit.Done
		// Only a store that is opened now signs with the key: the log is signed from this row on.
		err := s.withApp(ctx, anyone, func(signing *session) error {
			if err := signing.openStore(ctx); err != nil {
				return err
			}
			return signing.db.Note(ctx, row)
		})
		if err != nil {
			s.io.say("The key is made, and the log does not begin with it yet: %v", err)
		}
	}
	s.io.say("Processes that run already sign after a restart.")
	return s.print(result{
		value: map[string]string{"file": out, "verifier": key.Verifier()}, names: []string{key.Verifier()},
		text: fmt.Sprintf("The private key is in %s. The verifier key, to keep elsewhere:\n%s", out, key.Verifier()),
	})
}

// writeKey writes a key into a new file of mode 0600, which outlives a power cut.
func writeKey(path, private string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		refusal := fmt.Sprintf("%s exists and is left as it is: name another file, --out FILE", path)
		if key, err := app.ReadAuditKey(path); err == nil { // its verifier key is often what is wanted
			refusal += ". Its verifier key is " + key.Verifier()
		}
		return app.Errorf(runner.Failed, "%s", refusal)
	}
	if err != nil {
		return err
	}
	_, err = file.WriteString(private + "\n")
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	if runtime.GOOS == "windows" {
		return nil // where folders cannot be synced
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

func acceptLogCommand(c *cli) *cobra.Command {
	return c.withOutput(&cobra.Command{
		Use: "accept SEQ:HASH", Short: "Accept a log that was restored from a copy", Long: helpText("audit-key-accept"),
		Args: oneArg("the number and the hash of the log's last row, SEQ:HASH"),
		RunE: c.run(ifKnown, func(ctx context.Context, s *session, args []string) error { return s.acceptLog(ctx, args[0]) }),
	}, false)
}

func (s *session) acceptLog(ctx context.Context, lastRow string) error {
	at, err := audit.ParseMark(lastRow)
	if err != nil {
		return app.Errorf(runner.Invalid, "SEQ:HASH: %v", err)
	}
	if err := s.mayAct(ctx, permissions.MakeAuditKey, at.String()); err != nil {
		return err
	}
	check, err := s.checkAcceptable(ctx, at)
	if err != nil {
		return err
	}
	db, err := s.Store.Open(ctx)
	if err != nil {
		return err
	}
	row := audit.AcceptRow(at, check.Kept)
	by := s.auditRow(row.Operation, row.Target)
	row.At, row.Actor, row.Surface = by.At, by.Actor, by.Surface
	if err := db.Accept(ctx, at, row); err != nil {
		return err
	}
	says := fmt.Sprintf("The log is accepted up to row %d, and signed from here on. A row records this.", at.Seq)
	return s.print(result{value: map[string]string{"accepted": at.String()}, text: says, names: []string{at.String()}})
}

// checkAcceptable fails unless the log is whole in itself, has the row, and lacks the checkpoint that is kept
// outside the database. It returns what the log was checked against.
func (s *session) checkAcceptable(ctx context.Context, at audit.Mark) (check audit.Check, err error) {
	cfg := s.Config
	check.Keys, err = app.VerifierKeys(cfg, nil)
	if err != nil {
		return check, err
	}
	if !check.Keys.Any() {
		return check, app.Errorf(runner.Invalid, "there is no key to sign with here: a log without one has nothing to accept")
	}
	check.Kept, err = app.CheckpointKeeper(cfg).Newest()
	changed := errors.Is(err, audit.ErrNoCheckpoint)
	if err != nil && !changed {
		return check, err
	}
	report, err := app.VerifyLog(ctx, cfg, audit.Check{Keys: check.Keys, Contains: []audit.Mark{at}}, app.Exports{})
	if _, unsigned := errors.AsType[*audit.UnsignedError](err); err != nil && !unsigned {
		return check, verifyError(err, report)
	}
	_, err = app.VerifyLog(ctx, cfg, check, app.Exports{})
	if bad, found := errors.AsType[*audit.BadRowError](err); !changed && (!found || !bad.Outside) {
		return check, app.Errorf(runner.Invalid, "the log has all that is kept of it outside the database: there is nothing to accept")
	}
	return check, nil
}
