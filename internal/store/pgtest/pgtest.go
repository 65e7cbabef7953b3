// Package pgtest runs a PostgreSQL of its own for tests: in a temporary folder, on a Unix
// socket, as an ordinary user, and gone when the tests are.
package pgtest

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/vpsbot/vpsbot/internal/store/storetest"
)

// Missing is what is said, once on standard error and in every test that was skipped, where
// PostgreSQL is not installed.
const Missing = "PostgreSQL not found: the PostgreSQL half of the tests did not run"

var shared struct {
	once   sync.Once
	server *Server
	err    error
	count  atomic.Int64
}

// Run runs the tests of a package whose tests use [URL], and stops the server afterwards. It
// returns the exit code for TestMain.
func Run(m *testing.M) int {
	code := storetest.Run(m)
	if shared.server != nil {
		shared.server.Remove()
	}
	return code
}

// URL returns the address of a new, empty schema on a server that all tests of this process
// share. Where PostgreSQL is not installed it skips the test.
func URL(t testing.TB) string {
	t.Helper()
	shared.once.Do(func() { shared.server, shared.err = start() })
	return shared.server.schema(t, shared.err)
}

// Start starts a server for one test alone, which may stop it and start it again.
func Start(t testing.TB) *Server {
	t.Helper()
	server, err := start()
	if err == nil {
		t.Cleanup(server.Remove)
	}
	server.require(t, err)
	return server
}

var warn sync.Once

// require skips the test where there are no programs, and fails it where they do not work.
func (s *Server) require(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, errMissing):
		warn.Do(func() { fmt.Fprintln(os.Stderr, Missing) })
		t.Skip(Missing)
	default:
		t.Fatal(err)
	}
}

func (s *Server) schema(t testing.TB, err error) string {
	t.Helper()
	s.require(t, err)
	name := fmt.Sprint("s", shared.count.Add(1))
	if err := s.execute("CREATE SCHEMA " + name); err != nil {
		t.Fatal(err)
	}
	return s.URL() + "&search_path=" + name
}
