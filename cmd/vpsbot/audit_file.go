package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/tools"
)

// openArchives takes the paths of archives, in any order, and returns them as parts of the
// log. Each is opened when it is read.
func openArchives(paths []string) ([]audit.Part, error) {
	type archive struct {
		path  string
		first int64
	}
	var archives []archive
	for _, path := range paths {
		first, err := firstRow(path)
		if err != nil {
			return nil, err
		}
		archives = append(archives, archive{path, first})
	}
	slices.SortStableFunc(archives, func(a, b archive) int { return cmp.Compare(a.first, b.first) })
	var parts []audit.Part
	for _, archive := range archives {
		parts = append(parts, archivePart(archive.path))
	}
	return parts, nil
}

// firstRow is the number of an archive's first row.
func firstRow(path string) (int64, error) {
	for entry, err := range archivePart(path) {
		if errors.Is(err, fs.ErrNotExist) {
			return 0, fail(tools.Invalid, "--file: there is no %s", path)
		}
		return entry.Row.Seq, err
	}
	return 0, fail(tools.Failed, "%s is empty: no archive is", path)
}

// archivePart reads a file. Its errors name it.
func archivePart(path string) audit.Part {
	return func(yield func(audit.Entry, error) bool) {
		file, err := os.Open(path)
		if err != nil {
			yield(audit.Entry{}, err)
			return
		}
		defer file.Close() //nolint:errcheck // it was only read
		for entry, err := range audit.ReadArchive(file) {
			if err != nil {
				err = fmt.Errorf("%s: %w", path, err)
			}
			if !yield(entry, err) {
				return
			}
		}
	}
}

// storeArchive writes the log up to row to into a new file of the folder, reads it back and
// verifies it. Only a file that is complete and right gets its name. One that is there
// already, from an archiving that was interrupted, is taken if it is the same.
func storeArchive(folder string, known audit.Verifiers, log audit.Part, to int64) (audit.Segment, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return audit.Segment{}, err
	}
	file, err := os.CreateTemp(folder, ".audit-*.partial") // of mode 0600
	if err != nil {
		return audit.Segment{}, err
	}
	defer os.Remove(file.Name()) //nolint:errcheck // by then it mostly has another name
	segment, err := audit.WriteArchive(file, known, log, to)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return segment, err
	}
	if err := checkArchive(file.Name(), known, segment); err != nil {
		return segment, err
	}
	segment.File = segment.ArchiveName()
	path := filepath.Join(folder, segment.File)
	if _, err := os.Lstat(path); err == nil {
		return segment, checkArchive(path, known, segment)
	}
	return segment, errors.Join(os.Rename(file.Name(), path), syncFolder(folder))
}

func checkArchive(path string, known audit.Verifiers, want audit.Segment) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // it was only read
	if err := audit.CheckArchive(file, known, want); err != nil {
		return fmt.Errorf("%s is not what should be in it, so no row was removed: %w", path, err)
	}
	return nil
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
