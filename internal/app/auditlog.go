package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
)

// maxKeyFile bounds a key file: a longer one is no key.
const maxKeyFile = 4 << 10

// ReadAuditKey reads the private key that signs the audit log from a file.
func ReadAuditKey(path string) (audit.Key, error) {
	file, err := os.Open(path)
	if err != nil {
		return audit.Key{}, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile))
	if err != nil {
		return audit.Key{}, err
	}
	key, err := audit.ParseKey(string(text))
	if err != nil {
		return audit.Key{}, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// SigningKey reads the key of the configuration; the zero key if there is none. A file that a variable names
// must exist: nothing goes unsigned by mistake.
func SigningKey(cfg config.Config) (audit.Key, error) {
	path, named := cfg.AuditKeyFile()
	if path == "" {
		return audit.Key{}, nil
	}
	key, err := ReadAuditKey(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named:
		return audit.Key{}, nil
	case err != nil && named:
		return audit.Key{}, fmt.Errorf("VPSBOT_AUDIT_KEY_FILE: %w", err)
	}
	return key, err
}

// VerifierKeys are the keys to verify the log with: those given by flags, else the one that signs it.
func VerifierKeys(cfg config.Config, given []string) (audit.Verifiers, error) {
	if len(given) > 0 {
		known, err := audit.ParseVerifiers(given...)
		if err != nil {
			return known, Errorf(runner.Invalid, "--key: %v", err)
		}
		return known, nil
	}
	key, err := SigningKey(cfg)
	if err != nil || key.Verifier() == "" {
		return audit.Verifiers{}, err
	}
	return audit.ParseVerifiers(key.Verifier())
}

// CheckpointKeeper keeps the newest checkpoint of the database outside it.
func CheckpointKeeper(cfg config.Config) audit.CheckpointFile {
	return audit.CheckpointFile{Path: cfg.AuditStateFile()}
}

// signing is how a store signs the log: with the key, if there is one, from the newest checkpoint on that is
// kept outside the database.
func signing(cfg config.Config, log *slog.Logger) (store.Signing, error) {
	key, err := SigningKey(cfg)
	return store.Signing{Key: key, Keep: CheckpointKeeper(cfg), Warn: func(err error) {
		if _, untrusted := errors.AsType[*store.Untrusted](err); untrusted {
			log.Error(err.Error())
			return
		}
		log.Warn(err.Error())
	}}, err
}

// OpenLog opens the log to read it alone. It is empty where there is no database yet.
func OpenLog(ctx context.Context, cfg config.Config) (*store.Log, error) {
	url, err := cfg.Database()
	if err != nil {
		return nil, err
	}
	log, err := store.OpenLog(ctx, url)
	if errors.Is(err, fs.ErrNotExist) {
		return &store.Log{}, nil
	}
	return log, err
}

// WithLog reads the log. It calls read a second time if another process began to write meanwhile.
func WithLog(ctx context.Context, cfg config.Config, read func(log *store.Log) error) error {
	for again := false; ; again = true {
		log, err := OpenLog(ctx, cfg)
		if err != nil {
			return err
		}
		err = read(log)
		stale := log.Stale()
		if err = errors.Join(err, log.Close()); !stale || again {
			return err
		}
	}
}

// LogFrom returns the rows that follow f.After, with their checkpoints.
func LogFrom(ctx context.Context, log *store.Log, f audit.Filter) (audit.Segment, error) {
	notes, err := log.Checkpoints(ctx)
	if err != nil {
		return nil, err
	}
	notes = slices.DeleteFunc(notes, func(n audit.SignedCheckpoint) bool { return n.Seq < f.After })
	return audit.Merge(log.Rows(ctx, f), notes), nil
}

// LogCheck is what the log must match: the keys, and the checkpoint that is kept outside the database.
func (e *Environment) LogCheck(cfg config.Config, keys []string) (audit.Check, error) {
	known, err := VerifierKeys(cfg, keys)
	if err != nil {
		return audit.Check{}, err
	}
	kept, err := CheckpointKeeper(cfg).Newest()
	switch {
	case errors.Is(err, audit.ErrNoCheckpoint):
		return audit.Check{}, Errorf(runner.Failed, "the checkpoint of the log outside the database was changed: %v", err)
	case err != nil:
		fmt.Fprintf(e.Stderr, "Warning: the log is not compared with the checkpoint outside the database (VPSBOT_AUDIT_STATE): %v\n", err)
	}
	return audit.Check{Keys: known, Kept: kept}, nil
}

// Exports are files of the log to verify together with the database.
type Exports struct {
	Segments []audit.Segment
	Selected []audit.Mark // the rows of selections, whose own hashes are right
}

// ErrSelectionOnly is the error of VerifyLog where there is no database to compare the rows of a selection with.
var ErrSelectionOnly = errors.New("a selection alone")

// VerifyLog verifies exports together with the log of the database, where there is one.
func VerifyLog(ctx context.Context, cfg config.Config, check audit.Check, files Exports) (report audit.Report, err error) {
	check.Contains = append(slices.Clone(check.Contains), files.Selected...)
	err = WithLog(ctx, cfg, func(log *store.Log) error {
		none := !log.Exists()
		switch {
		case none && len(files.Segments) > 0:
			check.Kept = audit.Checkpoint{} // it is of the database, which is not here
			report, err = check.Verify(files.Segments...)
			return err
		case none && len(files.Selected) > 0:
			return ErrSelectionOnly
		}
		segment, err := LogFrom(ctx, log, audit.Filter{})
		if err == nil {
			report, err = check.Verify(append(slices.Clone(files.Segments), segment)...)
		}
		return err
	})
	return report, err
}
