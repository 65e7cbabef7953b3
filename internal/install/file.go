package install

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	copySuffix = ".vpsbot.bak" // a name of our own: what a person keeps as .bak stays
	maxBytes   = 64 << 20      // Claude Code's file has grown to some megabytes
)

// File is a client's file as it was read.
type File struct {
	Path string // as the client names it
	Raw  []byte

	target string // where links lead
	info   fs.FileInfo
}

// Exists reports whether the file was there.
func (f File) Exists() bool { return f.info != nil }

// CopyPath is where a copy is kept before the file is changed.
func (f File) CopyPath() string { return f.target + copySuffix }

// Open reads a client's file, which need not exist. One that could not be written is an error.
func Open(path string) (File, error) {
	f := File{Path: path, target: path}
	if link, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return f, checkFolder(filepath.Dir(path))
	} else if err != nil {
		return f, err
	} else if link.Mode()&fs.ModeSymlink != 0 {
		if f.target, err = filepath.EvalSymlinks(path); err != nil {
			return f, fmt.Errorf("%s is a link to a file that is not there: make the file, or remove the link", path)
		}
	}
	info, err := os.Stat(f.target)
	switch {
	case err != nil:
		return f, err
	case !info.Mode().IsRegular():
		return f, fmt.Errorf("%s is no file", path)
	case info.Size() > maxBytes:
		return f, fmt.Errorf("%s has more than %d MB, and is left as it is", path, maxBytes>>20)
	case info.Mode().Perm()&0o200 == 0:
		return f, fmt.Errorf("%s is read-only, and is left as it is: make it writable first", path)
	}
	f.info = info
	if f.Raw, err = os.ReadFile(f.target); err != nil {
		return f, err
	}
	return f, checkFolder(filepath.Dir(f.target))
}

// checkFolder refuses a read-only folder, also for root, who could write there. A missing one is made later.
func checkFolder(folder string) error {
	info, err := os.Stat(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is no folder", folder)
	case info.Mode().Perm()&0o200 == 0:
		return fmt.Errorf("the folder %s is read-only, and is left as it is: make it writable first", folder)
	}
	return nil
}

// copied returns the copy beside the file.
func (f File) copied() ([]byte, bool) {
	info, err := os.Lstat(f.CopyPath())
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxBytes {
		return nil, false
	}
	raw, err := os.ReadFile(f.CopyPath())
	return raw, err == nil
}

// KeepCopy writes the copy beside the file, with its mode. Of no file there is none.
func (f File) KeepCopy() error {
	if !f.Exists() {
		return nil
	}
	return f.replace(f.CopyPath(), f.Raw, func() error { return nil })
}

// Apply writes the change, all of it or nothing. It fails if the file is no longer as it was read.
func (c Change) Apply() error {
	if c.Action == Unchanged {
		return nil
	}
	f := c.File
	if err := os.MkdirAll(filepath.Dir(f.target), 0o700); err != nil {
		return err
	}
	defer lock(filepath.Dir(f.target))()
	if c.after == nil {
		if err := f.checkSame(); err != nil {
			return err
		}
		return os.Remove(f.target)
	}
	if !c.keepCopy && !c.dropCopy {
		if err := f.KeepCopy(); err != nil {
			return err
		}
	}
	if err := f.replace(f.target, c.after, f.checkSame); err != nil {
		return err
	}
	if c.dropCopy {
		return os.Remove(f.CopyPath())
	}
	return nil
}

// checkSame fails if the file was changed since it was read.
func (f File) checkSame() error {
	now, err := os.ReadFile(f.target)
	if errors.Is(err, fs.ErrNotExist) && !f.Exists() {
		return nil
	}
	if err != nil || !f.Exists() || !bytes.Equal(now, f.Raw) {
		return fmt.Errorf("another program has changed %s meanwhile; it is left as it is: try again", f.Path)
	}
	return nil
}

// replace writes a file by another name first, with the mode and the owner of the one that was read. It asks check last.
func (f File) replace(path string, raw []byte, check func() error) error {
	temp, err := os.CreateTemp(filepath.Dir(path), ".vpsbot-*.partial") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) //nolint:errcheck // by then it mostly has another name
	_, err = temp.Write(raw)
	if err == nil && f.Exists() {
		err = errors.Join(keepOwner(temp.Name(), f.info), temp.Chmod(f.info.Mode().Perm()))
	}
	if err = errors.Join(err, temp.Sync(), temp.Close()); err == nil {
		err = check()
	}
	if err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
