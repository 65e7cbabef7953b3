package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/text"
)

const setDatabase = "Set VPSBOT_DATABASE_URL to sqlite:PATH, a file that you may write to. Without a store nothing is changed."

// checkStore looks at the file, and opens the store if that neither makes nor changes one;
// it then tries a write that changes nothing, and reads the log.
func (a *app) checkStore(ctx context.Context, p *parts, address finding) []finding {
	const name = "store"
	file, ready := a.checkFile(p)
	if !ready {
		return []finding{file}
	}
	store, err := p.store.get(ctx)
	if err != nil {
		return []finding{broken(name, err.Error(), setDatabase)}
	}
	// Noting that nobody was told of nothing takes the write lock and finds nothing to write.
	if _, err := store.Told(ctx, "doctor", a.now()); !errors.Is(err, approval.ErrNotFound) {
		return []finding{broken(name, fmt.Sprintf("it cannot be written to: %v", err), "Check the disk and who owns the database.")}
	}
	return append(append([]finding{file}, a.checkLogs(ctx, p.config)...), a.checkOpen(ctx, p, store, address))
}

// checkFile looks at the database's file: whether it is there, and who else may read it.
// It is ready to be opened unless that would make it, or narrow its mode unasked.
func (a *app) checkFile(p *parts) (found finding, ready bool) {
	const name = "store"
	url, err := p.config.Database()
	if err != nil {
		return broken(name, err.Error(), setDatabase), false
	}
	file, isFile := strings.CutPrefix(url, "sqlite:")
	if !isFile {
		return fine(name, "open and writable"), true
	}
	place, bad := a.checkPlace(file)
	if bad {
		return place, false
	}
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return checkMissing(p.config, file), false
	case err != nil:
		return broken(name, fmt.Sprintf("the database cannot be looked at: %v", err), setDatabase), false
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && a.goos != "windows" {
		return broken(name, fmt.Sprintf("%s can be read by others (mode %04o)", file, mode), "Run: chmod 600 "+shellWord(file)), false
	}
	if place.Status != "" {
		return place, true
	}
	return fine(name, "%s, writable, for you alone", file), true
}

// checkMissing tells a database that was removed, with its freeze and its log, from one that never was.
func checkMissing(cfg config.Config, file string) finding {
	kept, err := keeper(cfg).Newest()
	if err != nil || kept.Seq == 0 {
		return checkFolder(file)
	}
	return broken("store", fmt.Sprintf("%s is not there, and its log had %d rows: it was removed", file, kept.Seq),
		"Find out who removed it, and put it back from a copy.")
}

// checkFolder looks whether a database that is not there yet can be made: the nearest folder
// that is there must be one.
func checkFolder(file string) finding {
	const name = "store"
	for folder := filepath.Dir(file); ; folder = filepath.Dir(folder) {
		info, err := os.Stat(folder)
		switch {
		case err == nil && info.IsDir() && info.Mode().Perm()&0o222 != 0:
			return fine(name, "%s is not there yet; it will be made when first needed", file)
		case errors.Is(err, fs.ErrNotExist) && folder != filepath.Dir(folder):
			continue
		}
		return broken(name, fmt.Sprintf("%s is not there, and cannot be made in %s", file, folder), setDatabase)
	}
}

// checkLogs verifies the audit log as "audit verify" does, and looks whether its newest checkpoint
// can be kept outside the database.
func (a *app) checkLogs(ctx context.Context, cfg config.Config) []finding {
	const name = "audit log"
	found := []finding{a.checkWhole(ctx, cfg)}
	if key, err := signingKey(cfg); err != nil || key.Verifier() == "" {
		return found // nothing is signed, so nothing is kept
	}
	if err := keeper(cfg).CheckWritable(); err != nil {
		found = append(found, warn(name, fmt.Sprintf("its newest checkpoint is not kept outside the database: %v", err),
			"Set VPSBOT_AUDIT_STATE to a folder that you may write to; else a database that is put back to an earlier state is not told."))
	}
	return found
}

func (a *app) checkWhole(ctx context.Context, cfg config.Config) finding {
	const name = "audit log"
	const look = "Keep the database as it is and find out who can write to it; vpsbot audit verify says more."
	check, err := a.check(cfg, nil)
	if err != nil {
		return broken(name, err.Error(), look)
	}
	report, err := checkLog(ctx, cfg, check, exports{})
	if _, unsigned := errors.AsType[*audit.UnsignedError](err); unsigned {
		return broken(name, err.Error(), "Give every process the key (VPSBOT_AUDIT_KEY_FILE); vpsbot audit verify says more.")
	}
	if err != nil {
		return broken(name, err.Error(), look)
	}
	return fine(name, "whole, %s", text.Plural(int(report.Rows), "row"))
}

// checkOpen counts what is open on this account: a database may have records of others. An API
// that cannot be reached is not asked again whose account it is: that would wait for it once more.
func (a *app) checkOpen(ctx context.Context, p *parts, store approval.Store, address finding) finding {
	const name = "approvals"
	if address.Status == statusFail {
		return warn(name, "not counted: the API cannot be reached", "")
	}
	q, err := p.runner.Scope(ctx)
	if err != nil { // what to do is said of the token
		return warn(name, "not counted: whose account it is cannot be read", "")
	}
	open, err := a.findRecords(ctx, store, q, false)
	if err != nil {
		return broken(name, err.Error(), "Check the database.")
	}
	for _, rec := range open {
		if rec.State == approval.Unknown {
			return warn(name, fmt.Sprintf("%d open; of one it is not known whether it happened", len(open)),
				"Look at the server, then: vpsbot approvals settle "+rec.ID+" done|not_applied")
		}
	}
	return fine(name, "%d open on the account %s", len(open), q.Account)
}
