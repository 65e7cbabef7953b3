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
)

const setDatabase = "Set VPSBOT_DATABASE_URL to sqlite:PATH, a file that you may write to. Without a store nothing is changed."

// checkStore looks at the file, and opens the store if that neither makes nor changes one;
// it then tries a write that changes nothing, and reads the log.
func (a *app) checkStore(ctx context.Context, p *parts) []finding {
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
	return []finding{file, checkChain(ctx, store), a.checkOpen(ctx, p, store)}
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
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return checkFolder(file), false
	case err != nil:
		return broken(name, fmt.Sprintf("the database cannot be looked at: %v", err), setDatabase), false
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && a.goos != "windows" {
		return broken(name, fmt.Sprintf("%s can be read by others (mode %04o)", file, mode), "Run: chmod 600 "+shellWord(file)), false
	}
	return fine(name, "%s, writable, for you alone", file), true
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

func checkChain(ctx context.Context, rows audit.Store) finding {
	report, err := audit.Verify(rows.Rows(ctx, audit.Filter{}))
	if err != nil {
		return broken("audit log", err.Error(), "Keep the database as it is and find out who can write to it; vpsbot audit verify says more.")
	}
	return fine("audit log", "whole, %s", plural(int(report.Rows), "row"))
}

// checkOpen counts what is open on this account: a database may have records of others.
func (a *app) checkOpen(ctx context.Context, p *parts, store approval.Store) finding {
	const name = "approvals"
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
