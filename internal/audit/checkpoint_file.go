package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// CheckpointFile keeps the newest checkpoint of a database in a file outside the database, so that a database
// that was restored to an earlier state is noticed. Its zero value keeps nothing. It does not protect from
// somebody who can write the file.
type CheckpointFile struct {
	Path string // its folder is made where it is missing
}

// Newest returns the kept checkpoint; its Seq is 0 if there is none.
func (f CheckpointFile) Newest() (Checkpoint, error) {
	if f.Path == "" {
		return Checkpoint{}, nil
	}
	text, err := os.ReadFile(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Checkpoint{}, nil
	case err != nil:
		return Checkpoint{}, err
	}
	c, err := ReadCheckpoint(string(text))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%s: %w", f.Path, err)
	}
	return c, nil
}

// Keep writes a checkpoint, unless a newer one is kept already.
func (f CheckpointFile) Keep(c SignedCheckpoint) error {
	kept, err := f.Newest()
	if err != nil || kept.Seq >= c.Seq {
		return err
	}
	return f.Replace(c)
}

// Replace writes a checkpoint whatever was kept before: for a restored log.
func (f CheckpointFile) Replace(c SignedCheckpoint) error {
	if f.Path == "" {
		return nil
	}
	folder := filepath.Dir(f.Path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(folder, ".audit-*.partial") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) //nolint:errcheck // by then it mostly has another name
	_, err = file.WriteString(c.Text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), f.Path)
}

// CheckWritable returns why no checkpoint can be kept, or nil. It leaves no file behind and makes no folder.
func (f CheckpointFile) CheckWritable() error {
	if f.Path == "" {
		return errors.New("the environment names no folder for it")
	}
	folder := filepath.Dir(f.Path)
	_, err := os.Stat(folder)
	for errors.Is(err, fs.ErrNotExist) && folder != filepath.Dir(folder) {
		folder = filepath.Dir(folder)
		_, err = os.Stat(folder)
	}
	file, err := os.CreateTemp(folder, ".audit-*.partial")
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}
