// Package pgtest runs a PostgreSQL of its own for tests: in a temporary folder, on a Unix
// socket, as an ordinary user, and gone when the tests are.
package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/vpsbot/vpsbot/internal/store" // registers the driver "pgx"
	"github.com/vpsbot/vpsbot/internal/store/storetest"
)

// Missing is printed, once on standard error and in every test that was skipped, where PostgreSQL is
// not installed.
const Missing = "PostgreSQL not found: the PostgreSQL half of the tests did not run"

var errMissing = errors.New(Missing)

// Role is a user with the password Password; everybody else is trusted.
const (
	Role     = "guarded"
	Password = "correct-horse"
)

var shared struct {
	once   sync.Once
	server *Server
	err    error
	count  atomic.Int64
}

// Run runs the tests of a package whose tests use [URL], and stops the server afterwards. It
// returns the exit code for TestMain.
func Run(m storetest.Tests) int {
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
	require(t, shared.err)
	name := fmt.Sprint("s", shared.count.Add(1))
	if err := execute(shared.server.URL(), "CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	return shared.server.URL() + "&search_path=" + name
}

// Start starts a server for one test alone, which may stop it and start it again.
func Start(t testing.TB) *Server {
	t.Helper()
	server, err := start()
	require(t, err)
	t.Cleanup(server.Remove)
	return server
}

var warn sync.Once

// require skips the test where PostgreSQL is not installed, and fails it where it does not work.
func require(t testing.TB, err error) {
	t.Helper()
	switch {
	case errors.Is(err, errMissing):
		warn.Do(func() { fmt.Fprintln(os.Stderr, Missing) })
		t.Skip(Missing)
	case err != nil:
		t.Fatal(err)
	}
}

// Server is a PostgreSQL with a folder of its own.
type Server struct {
	folder string // short: the path of a socket has about 100 bytes
	bin    string
	owner  string // the user that it runs as, because PostgreSQL refuses root; empty: this one
}

// settings are all that differs from PostgreSQL's own. Speed is what counts: nothing outlives a test.
const settings = "listen_addresses = ''\nfsync = off\nfull_page_writes = off\nmax_connections = 200\nshared_buffers = 32MB\nmax_wal_size = 256MB\n"

const folderPrefix = "vpsbot-pgtest-"

func start() (*Server, error) {
	bin, err := programs("/usr/lib/postgresql/*/bin")
	if err != nil {
		return nil, err
	}
	sweep(bin)
	folder, err := os.MkdirTemp(base(), fmt.Sprint(folderPrefix, os.Getpid(), "-"))
	if err != nil {
		return nil, err
	}
	s := &Server{folder: folder, bin: bin, owner: owner(folder)}
	data := filepath.Join(folder, "data")
	err = s.run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	if err == nil {
		err = errors.Join(
			os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte("local all "+Role+" scram-sha-256\nlocal all all trust\n"), 0o600),
			os.WriteFile(filepath.Join(data, "postgresql.conf"), []byte(settings), 0o600), s.Restart())
	}
	if err != nil {
		s.Remove()
		return nil, err
	}
	return s, nil
}

// programs finds the folder of initdb and postgres: the one in PATH, else the newest of those that
// distributions make.
func programs(folders string) (string, error) {
	candidates, err := filepath.Glob(folders)
	if err != nil {
		return "", err
	}
	if found, err := exec.LookPath("initdb"); err == nil {
		// What stands in PATH may be a link: initdb looks for postgres beside itself.
		if found, err = filepath.EvalSymlinks(found); err == nil {
			candidates = append(candidates, filepath.Dir(found))
		}
	}
	for _, candidate := range slices.Backward(candidates) {
		if _, err := os.Stat(filepath.Join(candidate, "postgres")); err == nil && runtime.GOOS == "linux" {
			return candidate, nil
		}
	}
	return "", errMissing
}

// base is a folder that other users may pass through.
func base() string {
	if os.Geteuid() == 0 {
		return "/tmp"
	}
	return os.TempDir()
}

// owner gives a folder to the user that the server runs as.
func owner(folder string) string {
	nobody, err := user.Lookup("nobody")
	if os.Geteuid() != 0 || err != nil {
		return ""
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(nobody.Gid)
	_ = os.Chown(folder, uid, gid) // else initdb fails
	return nobody.Username
}

// run runs one of PostgreSQL's programs to its end.
func (s *Server) run(program string, args ...string) error {
	command := append([]string{filepath.Join(s.bin, program)}, args...)
	if s.owner != "" {
		command = append([]string{"runuser", "-u", s.owner, "--"}, command...)
	}
	cmd := exec.Command(command[0], command[1:]...) //nolint:gosec,noctx // a program of PostgreSQL, which ends by itself
	cmd.Dir, cmd.Env = s.folder, append(os.Environ(), "LC_ALL=C", "HOME="+s.folder)
	if out, err := cmd.CombinedOutput(); err != nil {
		log, _ := os.ReadFile(filepath.Join(s.folder, "log"))
		return fmt.Errorf("%s: %w: %s%s", program, err, out, log)
	}
	return nil
}

// sweep stops and removes the servers of test processes that were killed.
func sweep(bin string) {
	folders, _ := filepath.Glob(filepath.Join(base(), folderPrefix+"*"))
	for _, folder := range folders {
		pid := 0
		_, err := fmt.Sscanf(strings.TrimPrefix(filepath.Base(folder), folderPrefix), "%d-", &pid)
		if p, found := os.FindProcess(pid); err == nil && found == nil && errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone) {
			(&Server{folder: folder, bin: bin, owner: owner(folder)}).Remove()
		}
	}
}

// URL is the address of the server's database "postgres"; more parameters can follow it.
func (s *Server) URL() string { return "postgres://postgres@/postgres?host=" + s.folder }

// Socket is the path of the socket that the server listens on.
func (s *Server) Socket() string { return filepath.Join(s.folder, ".s.PGSQL.5432") }

func execute(url, statement string) error {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err = db.ExecContext(ctx, statement)
	return err
}

// Crash ends the server at once, as if the machine had lost its power: no client is told,
// nothing is tidied up.
func (s *Server) Crash() {
	_ = s.run("pg_ctl", "stop", "-D", filepath.Join(s.folder, "data"), "-m", "immediate") // it may not run
}

// Restart starts a server that crashed on what it had kept.
func (s *Server) Restart() error {
	return s.run("pg_ctl", "start", "-D", filepath.Join(s.folder, "data"), "-l", filepath.Join(s.folder, "log"), "-o", "-k "+s.folder)
}

// Remove ends the server and removes its folder.
func (s *Server) Remove() {
	s.Crash()
	_ = os.RemoveAll(s.folder) // what stays behind is swept by the next start
}
