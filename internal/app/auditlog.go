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
	return audit.ParseVerifiers(key.Verifiers()...)
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

// OpenLog opens the log to read it alone. It is empty where there is no file yet; the socket of a PostgreSQL that is away
// does not exist either.
func OpenLog(ctx context.Context, cfg config.Config) (*store.Log, error) {
	url, err := cfg.Database()
	if err != nil {
		return nil, err
	}
	log, err := store.OpenLog(ctx, url)
	if errors.Is(err, fs.ErrNotExist) && !cfg.IsShared() {
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
	notes, err := log.Checkpoints(ctx, f.After)
	if err != nil {
		return nil, err
	}
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

// newestRows is how many rows VerifyNewest reads at most.
const newestRows = 1000

// VerifyNewest verifies the newest rows of the log, in a time that does not grow with it: if it is signed, from
// a checkpoint among them on; and that the log has the checkpoint that is kept outside the database. If anything
// is wrong there, it verifies the whole log, which names the first fault. The report's First is the first row.
func VerifyNewest(ctx context.Context, cfg config.Config, check audit.Check) (report audit.Report, err error) {
	err = WithLog(ctx, cfg, func(log *store.Log) error {
		part, filter, err := newestPart(ctx, log, check)
		if err != nil {
			return err
		}
		segment, err := LogFrom(ctx, log, filter)
		if err == nil {
			report, err = part.Verify(segment)
		}
		return err
	})
	if err != nil {
		return VerifyLog(ctx, cfg, check, Exports{})
	}
	return report, nil
}

// newestPart returns which rows VerifyNewest reads, and what they are checked against. For a log that lacks the
// checkpoint that is kept outside the database, these are all rows.
func newestPart(ctx context.Context, log *store.Log, check audit.Check) (audit.Check, audit.Filter, error) {
	var last audit.Row
	for row, err := range log.Rows(ctx, audit.Filter{Limit: 1}) {
		if err != nil {
			return check, audit.Filter{}, err
		}
		last = row
	}
	after := last.Seq - newestRows
	if after <= 0 {
		return check, audit.Filter{}, nil
	}
	if check.Keys.Any() {
		notes, err := log.Checkpoints(ctx, after+1)
		if err != nil || len(notes) == 0 {
			return check, audit.Filter{}, err
		}
		after = notes[0].Seq - 1 // rows before it would be checked by nothing that is signed
	}
	part := check
	part.Part = true
	if kept := check.Kept; kept.Seq > 0 && kept.Seq <= after {
		if has, err := log.Has(ctx, kept); !has {
			return check, audit.Filter{}, err
		}
		part.Kept = audit.Checkpoint{}
	}
	return part, audit.Filter{After: after}, nil
}
