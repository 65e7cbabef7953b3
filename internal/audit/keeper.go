package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Keeper keeps the newest checkpoint of a database in a file of its own, outside it: so that a
// database that was put back to an earlier state is told from one that never was further. Its
// zero value keeps nothing. Whoever can write the file can also put it back.
type Keeper struct {
	Path string // of the file; its folder is made where it is missing
}

// Newest returns the checkpoint that is kept; its Seq is 0 if there is none.
func (k Keeper) Newest() (Checkpoint, error) {
	if k.Path == "" {
		return Checkpoint{}, nil
	}
	text, err := os.ReadFile(k.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Checkpoint{}, nil
	case err != nil:
		return Checkpoint{}, err
	}
	c, err := ReadNote(string(text))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%s: %w", k.Path, err)
	}
	return c, nil
}

// Keep takes up a checkpoint, unless a newer one is kept already.
func (k Keeper) Keep(note Note) error {
	kept, err := k.Newest()
	if err != nil || kept.Seq >= note.Seq {
		return err
	}
	return k.Replace(note)
}

// Replace takes up a checkpoint whatever was kept before: for a log that was restored.
func (k Keeper) Replace(note Note) error {
	if k.Path == "" {
		return nil
	}
	folder := filepath.Dir(k.Path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(folder, ".audit-*.partial") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) //nolint:errcheck // by then it mostly has another name
	_, err = file.WriteString(note.Text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), k.Path)
}

// Writable reports why no checkpoint can be kept, or nil. It leaves nothing behind; a folder
// that is not there yet is not made.
func (k Keeper) Writable() error {
	if k.Path == "" {
		return errors.New("the environment names no folder for it")
	}
	folder := filepath.Dir(k.Path)
	for {
		_, err := os.Stat(folder)
		if up := filepath.Dir(folder); errors.Is(err, fs.ErrNotExist) && up != folder {
			folder = up
			continue
		}
		break
	}
	file, err := os.CreateTemp(folder, ".audit-*.partial")
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}
