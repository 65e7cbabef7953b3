package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vpsbot/vpsbot/permissions"
)

// Options are what a [File] is opened with.
type Options struct {
	Base       permissions.Policy // the settings beside the file: all but Book
	Operations []Operation        // all that exist
	Now        func() time.Time
	Log        *slog.Logger // gets each change of the file, valid or not, once
}

// File is a policy file in force. It is read again when it changes; a version that cannot be read or is not
// valid leaves the last valid one in force. It is safe for concurrent use.
type File struct {
	path string
	Options

	reloading atomic.Bool // one call reads the file, and owns lastRead
	lastRead  []byte      // the newest version, valid or not; nil: the file could not be read

	mu        sync.Mutex // never held while the file is read
	current   Document
	checkedAt time.Time
	err       error // why the newest version is not in force
}

// ReloadInterval is how long a change of the file may stay unnoticed.
const ReloadInterval = time.Second

// Open reads the file for the first time. There is no older policy to keep, so a file that is not valid is
// an error.
func Open(path string, o Options) (*File, error) {
	f := &File{path: path, Options: o}
	f.reload(o.Now())
	if err := f.Err(); err != nil {
		return nil, err
	}
	return f, nil
}

// Policy returns the policy in force. It reads the file again where the last time is [ReloadInterval] ago.
func (f *File) Policy() permissions.Policy {
	p := f.Base
	p.Book = f.Document().Book
	return p
}

// Document returns the file in force, as Policy does. While one call reads a newer file, the others get the
// one before.
func (f *File) Document() Document {
	if now := f.Now(); f.isDue(now) && f.reloading.CompareAndSwap(false, true) {
		defer f.reloading.Store(false)
		f.reload(now)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.current
}

// Reload reads the file now, and returns why its newest version is not in force.
func (f *File) Reload() error {
	for !f.reloading.CompareAndSwap(false, true) {
		time.Sleep(time.Millisecond) // another call reads it, perhaps as it was before
	}
	defer f.reloading.Store(false)
	f.reload(f.Now())
	return f.Err()
}

func (f *File) isDue(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	age := now.Sub(f.checkedAt)
	return age < 0 || age >= ReloadInterval
}

// Err returns why the newest version of the file is not the one in force; nil if it is.
func (f *File) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// reload reads the file and, if it has changed, puts it in force. One call at a time does.
func (f *File) reload(now time.Time) {
	f.mu.Lock()
	f.checkedAt = now
	f.mu.Unlock()
	raw, err := ReadFile(f.path)
	if err != nil {
		if f.lastRead != nil || f.Err() == nil { // reported once
			f.reject(fmt.Errorf("the policy file cannot be read: %w", err))
		}
		f.lastRead = nil
		return
	}
	if f.lastRead == nil || !bytes.Equal(raw, f.lastRead) {
		f.lastRead = raw
		f.adopt(raw)
	}
}

func (f *File) adopt(raw []byte) {
	document, err := Load(raw, f.Operations)
	if err != nil {
		f.reject(fmt.Errorf("%s: %w", f.path, err))
		return
	}
	f.mu.Lock()
	first := f.current.Book == nil
	f.current, f.err = document, nil
	f.mu.Unlock()
	if !first {
		f.Log.Info("the policy file has changed; the new one is in force", "file", f.path)
		f.Warn()
	}
}

// Warn logs the warnings of the file in force. A process that serves calls it at its start, and it is called
// for each newer file; a command that ends at once leaves it to policy check.
func (f *File) Warn() {
	for _, w := range f.Document().Warnings {
		f.Log.Warn("policy: "+w.String(), "file", f.path)
	}
}

func (f *File) reject(err error) {
	f.mu.Lock()
	kept := f.current.Book != nil
	f.err = err
	if kept {
		f.err = fmt.Errorf("%w; the policy read before stays in force", err)
	}
	f.mu.Unlock()
	if kept {
		f.Log.Error("the policy file has changed and is not taken; the one before stays in force", "error", err)
	}
}

// ReadFile returns the bytes of a policy file: one more than [Load] takes at most.
func ReadFile(path string) ([]byte, error) {
	if info, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; docs/policy.md has examples", err)
	} else if err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, errors.New(path + " is not a file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	return io.ReadAll(io.LimitReader(file, maxBytes+1))
}
