package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/text"
)

const (
	exportEvery    = time.Second      // between two looks at the log
	exportPause    = 30 * time.Second // at most, after failures
	exportSaveRows = 1000             // rows between two writes of the cursor
	cursorSuffix   = ".cursor"
)

// cursor is up to where a log was exported.
type cursor struct {
	Seq          int64  `json:"seq"` // of the last row; 0: none
	Hash         string `json:"hash"`
	Checkpointed bool   `json:"checkpointed"` // the row's checkpoint was exported too
}

// follower exports rows of the log as they are written.
type follower struct {
	c     *cli
	cfg   config.Config
	log   *store.Log // kept open on PostgreSQL alone
	sink  sink
	path  string // of the file that keeps the cursor; empty: none does
	at    cursor
	saved cursor
	time  time.Time // of the row that is written
	rows  int       // since the cursor was saved

	worked bool // the log was read once
	broken bool // the output has failed since it was opened
}

// followAudit exports until ctx ends. Failures of the database and of a socket are waited for; what was not confirmed
// is exported again then.
func (c *cli) followAudit(ctx context.Context, after int64, to, cursorPath string) error {
	cfg, err := c.Config(ctx)
	if err != nil {
		return err
	}
	f := &follower{c: c, cfg: cfg, path: cursorPath, at: cursor{Seq: after}}
	if f.sink, err = newSink(to, c.io.Out); err != nil {
		return err
	}
	defer f.close()
	if err := f.restore(); err != nil {
		return err
	}
	for failures := 0; ; {
		err := f.export(ctx)
		pause := exportEvery
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			failures = 0
		case !f.worked, errors.As(err, new(*permanentError)):
			return err // it never worked, or waiting does not help
		default:
			pause = backoff.Doubled(exportEvery, exportPause, failures)
			failures++
			c.io.say("Warning: %v; it is tried again.", err)
		}
		if backoff.Sleep(ctx, pause) != nil {
			return nil
		}
	}
}

// permanentError is a failure that no waiting mends.
type permanentError struct{ error }

func permanent(format string, args ...any) error {
	return &permanentError{app.Errorf(runner.Failed, format, args...)}
}

func (f *follower) close() {
	f.sink.close()
	if f.log != nil {
		_ = f.log.Close() // it was only read
	}
}

// restore continues where the last run ended: by the cursor, or, where the end of the file says more, by that. A file
// keeps its cursor beside it.
func (f *follower) restore() error {
	file, isFile := f.sink.(*fileSink)
	if isFile && f.path == "" {
		f.path = file.path + cursorSuffix
	}
	if f.path != "" {
		raw, err := os.ReadFile(f.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case json.Unmarshal(raw, &f.at) != nil || f.at.Seq < 0:
			return app.Errorf(runner.Failed, "%s is no cursor: remove it, and give the last row that you have by --after", f.path)
		}
	}
	if isFile {
		last, err := file.recover()
		if err != nil {
			return err
		}
		if last.Seq >= f.at.Seq && last.Seq > 0 {
			f.at = last
		}
	}
	f.saved = f.at
	return nil
}

// export writes what came since the last time.
func (f *follower) export(ctx context.Context) error {
	log, err := f.openLog(ctx)
	if err != nil {
		return err
	}
	if !f.cfg.IsShared() {
		defer log.Close() //nolint:errcheck // it was only read
	}
	segment, err := app.LogFrom(ctx, log, audit.Filter{After: max(f.at.Seq-1, 0)})
	if err != nil {
		return err
	}
	f.worked = true
	if err = audit.Export(lineWriter{f}, f.unseen(log, segment), ""); err == nil || !f.broken {
		err = errors.Join(err, f.save()) // what was written before the log failed was written
	}
	if f.broken { // it is not known what arrived
		f.sink.close()
		f.at, f.broken = f.saved, false
	}
	return err
}

// openLog opens the log as of now. A file is opened anew each time: it may have been read as it lay there, and a backup
// may have been put in its place.
func (f *follower) openLog(ctx context.Context) (*store.Log, error) {
	if f.log != nil {
		if err := f.log.Renew(ctx); err == nil {
			return f.log, nil
		}
		_ = f.log.Close()
		f.log = nil
	}
	log, err := app.OpenLog(ctx, f.cfg)
	if err == nil && f.cfg.IsShared() {
		f.log = log
	}
	return log, err
}

// unseen are the entries after the cursor, which moves as they are written. The row of the cursor must be in the log, and
// each other must follow the one before.
func (f *follower) unseen(log *store.Log, segment audit.Segment) audit.Segment {
	return func(yield func(audit.Entry, error) bool) {
		start := f.at
		found := start.Seq == 0 || start.Hash == ""
		for entry, err := range segment {
			isRow := entry.Checkpoint == ""
			switch {
			case err != nil:
				yield(entry, err)
				return
			case isRow && entry.Row.Seq == start.Seq && start.Hash != "" && entry.Row.Hash != start.Hash:
				yield(entry, permanent("row %d is not the one that was exported: it is another log, or one that was restored. Begin a new file, or remove %s", start.Seq, f.path))
				return
			case isRow && entry.Row.Seq <= start.Seq:
				found = true
				continue
			case !isRow && (entry.CheckpointRow < start.Seq || entry.CheckpointRow == start.Seq && (start.Checkpointed || start.Hash == "")):
				continue
			case isRow && !found:
				yield(entry, f.missing(start))
				return
			case isRow && !f.follows(entry.Row):
				err := fmt.Errorf("row %d does not follow the one before: vpsbot audit verify says more", entry.Row.Seq)
				if !log.Stale() { // else it was read while another process began to write
					err = permanent("%v", err)
				}
				yield(entry, err)
				return
			}
			f.time = time.Now()
			if isRow {
				f.time = entry.Row.At
			}
			if !yield(entry, nil) {
				return
			}
			if err := f.advance(entry, isRow); err != nil {
				yield(entry, err)
				return
			}
		}
		if !found {
			yield(audit.Entry{}, f.missing(start))
		}
	}
}

func (f *follower) follows(row audit.Row) bool {
	return row.CheckHash() == nil && (f.at.Hash == "" || row.Seq == f.at.Seq+1 && row.Previous == f.at.Hash)
}

func (f *follower) missing(at cursor) error {
	return permanent("the log has no row %d, up to which it was exported: it is another log, or one that was restored. Begin a new file, or remove %s", at.Seq, f.path)
}

func (f *follower) advance(entry audit.Entry, isRow bool) error {
	if isRow {
		f.at = cursor{Seq: entry.Row.Seq, Hash: entry.Row.Hash}
	} else {
		f.at.Checkpointed = true
	}
	if f.rows++; f.rows < exportSaveRows {
		return nil
	}
	return f.save()
}

// save makes sure that the output has what the cursor says, and writes the cursor.
func (f *follower) save() error {
	if f.at == f.saved {
		return nil
	}
	if err := f.sink.sync(); err != nil {
		f.broken = true
		return err
	}
	if f.path != "" {
		raw, _ := json.Marshal(f.at) // texts and numbers
		if err := text.WriteFile(f.path, string(raw)+"\n"); err != nil {
			return permanent("the cursor cannot be written: %v", err)
		}
	}
	f.saved, f.rows = f.at, 0
	return nil
}

// lineWriter passes on lines, each of which arrives in one write.
type lineWriter struct{ *follower }

// Write implements [io.Writer].
func (w lineWriter) Write(line []byte) (int, error) {
	if err := w.sink.write(w.time, line); err != nil {
		w.broken = true
		return 0, fmt.Errorf("the output takes no row: %w", err)
	}
	return len(line), nil
}
