package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
)

// checkStore opens the store, tries a write that changes nothing, and reads the log.
func (a *app) checkStore(ctx context.Context, p *parts) []finding {
	const name = "store"
	store, err := p.store.get(ctx)
	if err != nil {
		return []finding{broken(name, err.Error(), "Set VPSBOT_DATABASE_URL to sqlite:PATH, a file that you may write to. Without a store nothing is changed.")}
	}
	// Noting that nobody was told of nothing takes the write lock and finds nothing to write.
	if _, err := store.Told(ctx, "doctor", a.now()); !errors.Is(err, approval.ErrNotFound) {
		return []finding{broken(name, fmt.Sprintf("it cannot be written to: %v", err), "Check the disk and who owns the database.")}
	}
	return []finding{a.checkFile(p), checkChain(ctx, store), a.checkOpen(ctx, store)}
}

// checkFile looks at who else may read the database.
func (a *app) checkFile(p *parts) finding {
	const name = "store"
	url, err := p.config.Database()
	path, isFile := strings.CutPrefix(url, "sqlite:")
	if err != nil || !isFile {
		return fine(name, "open and writable")
	}
	info, err := os.Stat(path)
	if err != nil {
		return broken(name, fmt.Sprintf("the database cannot be looked at: %v", err), "Check the folder of the database.")
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && a.goos != "windows" {
		return broken(name, fmt.Sprintf("%s can be read by others (mode %04o)", path, mode), "Run: chmod 600 "+shellWord(path))
	}
	return fine(name, "%s, writable, for you alone", path)
}

func checkChain(ctx context.Context, rows audit.Store) finding {
	report, err := audit.Verify(rows.Rows(ctx, audit.Filter{}))
	if err != nil {
		return broken("audit log", err.Error(), "Keep the database as it is and find out who can write to it; vpsbot audit verify says more.")
	}
	return fine("audit log", "whole, %d rows", report.Rows)
}

func (a *app) checkOpen(ctx context.Context, store approval.Store) finding {
	const name = "approvals"
	open, err := a.findRecords(ctx, store, false)
	if err != nil {
		return broken(name, err.Error(), "Check the database.")
	}
	for _, rec := range open {
		if rec.State == approval.Unknown {
			return warn(name, fmt.Sprintf("%d open; of one it is not known whether it happened", len(open)),
				"Look at the server, then: vpsbot approvals settle "+rec.ID+" done|not_applied")
		}
	}
	return fine(name, "%d open", len(open))
}
