// Package storetest gives tests SQLite stores that are up to date: each is a copy of one that
// was made once, because making one costs more than most tests do, above all with the race
// detector. What tests the migrations themselves makes its own.
package storetest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/vpsbot/vpsbot/internal/store"
)

// together is how many parallel tests of a package run at once: with stores, servers and processes
// of their own they wait more than they compute.
const together = "4"

// Tests are a [testing.M], or what runs its tests in an order of its own.
type Tests interface{ Run() int }

// Run runs the tests of a package that have stores of their own. It returns the exit code for
// TestMain.
func Run(m Tests) int {
	flag.Parse()
	if err := flag.Set("test.parallel", together); err != nil {
		panic(err) // every test binary has that flag
	}
	return m.Run()
}

// SQLite returns the URL of a new store without a record, in a folder that ends with the test.
func SQLite(t testing.TB) (url string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vpsbot.db")
	Place(t, path)
	return "sqlite:" + path
}

// Open opens a new store without a record, and closes it when the test ends.
func Open(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), SQLite(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Prepare makes what a URL names a new store without a record if it is a file that is missing.
func Prepare(t testing.TB, url string) {
	t.Helper()
	path, isFile := strings.CutPrefix(url, "sqlite:")
	if _, err := os.Stat(path); isFile && errors.Is(err, fs.ErrNotExist) {
		Place(t, path)
	}
}

// Place makes the file of a new store without a record, and its folder where that is missing.
func Place(t testing.TB, path string) {
	t.Helper()
	raw, err := empty()
	if err == nil {
		err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, raw, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// empty is the file of a store that is up to date and holds nothing.
var empty = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "vpsbot-storetest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "vpsbot.db")
	s, err := store.Open(context.Background(), "sqlite:"+path)
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil { // which moves the write-ahead log into the file
		return nil, err
	}
	if info, err := os.Stat(path + "-wal"); err == nil && info.Size() > 0 {
		return nil, fmt.Errorf("%s-wal holds a part of the store", path)
	}
	return os.ReadFile(path)
})
