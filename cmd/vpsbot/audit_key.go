package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

// maxKey bounds a key file: what is longer is some other file.
const maxKey = 4 << 10

func (a *app) auditKeyCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "key", Short: "Make the key that signs the log", Args: noArgs,
		Long: "Writes a new private key into a file for you alone, and prints its verifier key, the last word on\nstdout. From then on every process that finds the file signs a checkpoint every 100 rows or 10\nminutes. Keep the verifier key where the log's owner cannot change it: vpsbot audit verify --key.\nA person does this, at a terminal.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.makeAuditKey(cmd.Context(), out) },
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write, never one that exists (default: VPSBOT_AUDIT_KEY_FILE, or audit.key beside the database)")
	cmd.AddCommand(a.acceptLogCommand())
	return cmd
}

func (a *app) makeAuditKey(ctx context.Context, out string) error {
	p, err := a.assemble(ctx)
	if err != nil {
		return err
	}
	defer p.store.close() //nolint:errcheck // what was written is committed
	if err := p.named(ctx); err != nil {
		return err
	}
	if err := a.mayAct(ctx, p, permissions.MakeAuditKey, out); err != nil {
		return err
	}
	cfg := p.config
	inUse, _ := cfg.AuditKeyFile()
	if out == "" {
		out = inUse
	}
	if out == "" {
		return fail(runner.Invalid, "there is no database file to put the key beside: name a file, --out FILE, and set VPSBOT_AUDIT_KEY_FILE to it")
	}
	private, err := audit.NewKey(a.random)
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
		a.io.say("Set VPSBOT_AUDIT_KEY_FILE to %s wherever vpsbot runs on this database.", out)
	} else if err := a.beginSigning(ctx, a.rowAct(p, string(permissions.MakeAuditKey), "key:"+key.Name())); err != nil {
		a.io.say("The key is made, and the log does not begin with it yet: %v", err)
	}
	a.io.say("What runs already signs once it is started again.")
	_, err = fmt.Fprintf(a.io.Out, "The private key is in %s. The verifier key, to keep elsewhere:\n%s\n", out, key.Verifier())
	return err
}

// beginSigning writes the row of a key, so that the log is signed from this moment on. Only a store
// that is opened now signs with it.
func (a *app) beginSigning(ctx context.Context, row audit.Row) error {
	p, err := a.assemble(ctx)
	if err != nil {
		return err
	}
	defer p.store.close() //nolint:errcheck // what was written is committed
	row.Outcome = audit.Done
	return p.note(ctx, row)
}

// writeKey makes a new file of mode 0600 that is there after a power cut, or none.
func writeKey(path, private string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return keyExists(path)
	}
	if err != nil {
		return err
	}
	_, err = file.WriteString(private + "\n")
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a new name in a folder outlive a power cut.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil // where folders cannot be synced
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// keyExists tells the verifier of the key that is there: that is what most who ask again want.
func keyExists(path string) error {
	key, err := readKey(path)
	if err != nil {
		return fail(runner.Failed, "%s exists and is left as it is: name another file, --out FILE", path)
	}
	return fail(runner.Failed, "%s exists and is left as it is: name another file, --out FILE. Its verifier key is %s", path, key.Verifier())
}

func readKey(path string) (audit.Key, error) {
	file, err := os.Open(path)
	if err != nil {
		return audit.Key{}, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(file, maxKey))
	if err != nil {
		return audit.Key{}, err
	}
	key, err := audit.ParseKey(string(text))
	if err != nil {
		return audit.Key{}, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// signingKey reads the key that signs the log. Without one it is the zero key, but a file that the
// environment names must be there: nothing goes unsigned by mistake.
func signingKey(cfg config.Config) (audit.Key, error) {
	path, named := cfg.AuditKeyFile()
	if path == "" {
		return audit.Key{}, nil
	}
	key, err := readKey(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named:
		return audit.Key{}, nil
	case err != nil && named:
		return audit.Key{}, fmt.Errorf("VPSBOT_AUDIT_KEY_FILE: %w", err)
	}
	return key, err
}

// knownKeys are the keys to verify with: those given, else the one that signs.
func knownKeys(cfg config.Config, given []string) (audit.Verifiers, error) {
	if len(given) > 0 {
		return readable(audit.ParseVerifiers(given...))
	}
	key, err := signingKey(cfg)
	if err != nil || key.Verifier() == "" {
		return audit.Verifiers{}, err
	}
	return audit.ParseVerifiers(key.Verifier())
}
