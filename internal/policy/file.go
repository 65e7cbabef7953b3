package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vpsbot/vpsbot/permissions"
)

// Options are what a [File] is opened with.
type Options struct {
	Base       permissions.Policy // what holds beside the file: all but Book
	Operations []Operation        // all that exist
	Now        func() time.Time
	Log        *slog.Logger // says each change of the file, good or broken, once
}

// File is a policy file in force. It is read again when it changes; what cannot be read or
// understood leaves the last good one in force. It is safe for concurrent use.
type File struct {
	path string
	Options

	looking atomic.Bool // somebody reads the file: what follows is theirs
	raw     []byte      // of the newest version that was looked at, good or not
	seen    os.FileInfo // of that version; nil: there was none to see
	readAt  time.Time   // when the bytes were last read

	mu      sync.Mutex // never held while the file is read
	current Document
	looked  time.Time // when it was last looked for
	err     error     // why the newest version is not in force
}

// Every is how old the look at a file may be: a change is in force after that.
const Every = time.Second

// racy is how long after a write another may leave the file's time and size as they were.
const racy = 2 * time.Second

// Open reads the file for the first time. There is no older policy to fall back on, so what
// is wrong with it is an error.
func Open(path string, o Options) (*File, error) {
	f := &File{path: path, Options: o}
	f.look(o.Now())
	if err := f.Err(); err != nil {
		return nil, err
	}
	return f, nil
}

// Policy returns the policy in force, having looked for a newer file if the last look is
// [Every] ago.
func (f *File) Policy() permissions.Policy {
	p := f.Base
	p.Book = f.Document().Book
	return p
}

// Document returns the file in force, as Policy does. While one call reads a newer file, the others go by
// the one before.
func (f *File) Document() Document {
	if now := f.Now(); f.isDue(now) && f.looking.CompareAndSwap(false, true) {
		defer f.looking.Store(false)
		f.look(now)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.current
}

func (f *File) isDue(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	age := now.Sub(f.looked)
	return age < 0 || age >= Every
}

// Err says why the file as it is now is not what is in force; nil if it is.
func (f *File) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// look reads the file if it may have changed. One call at a time does.
func (f *File) look(now time.Time) {
	f.mu.Lock()
	f.looked = now
	f.mu.Unlock()
	raw, info, err := f.read()
	if err != nil {
		if f.Err() == nil || f.seen != nil { // say it once
			f.reject(fmt.Errorf("the policy file cannot be read: %w", err))
		}
		f.seen, f.raw = nil, nil
		return
	}
	if raw != nil {
		f.readAt = now
	}
	known := f.seen != nil && (raw == nil || bytes.Equal(raw, f.raw))
	f.seen = info
	if known {
		return
	}
	f.raw = raw
	f.adopt(raw)
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

// Warn logs what is legal in the file in force and hardly meant. A process that goes on calls it at its
// start, and it is called for each newer file; a command that ends at once leaves it to policy check.
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

// read returns the file's bytes, or none where it is plain that they are the same.
func (f *File) read() ([]byte, os.FileInfo, error) {
	info, err := os.Stat(f.path)
	switch {
	case err != nil:
		return nil, nil, err
	case !info.Mode().IsRegular():
		return nil, nil, errors.New(f.path + " is not a file")
	case f.same(info):
		return nil, info, nil
	}
	file, err := os.Open(f.path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	raw, err := io.ReadAll(io.LimitReader(file, Most+1))
	return append([]byte{}, raw...), info, err
}

// same reports whether the file is surely the one that was seen.
func (f *File) same(info os.FileInfo) bool {
	return f.seen != nil && os.SameFile(f.seen, info) && f.seen.ModTime().Equal(info.ModTime()) && f.seen.Size() == info.Size() &&
		f.readAt.Sub(info.ModTime()) > racy
}
