package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	_ "github.com/vpsbot/vpsbot/internal/store" // registers the driver "pgx"
)

var errMissing = errors.New(Missing)

// Server is a PostgreSQL with a folder of its own.
type Server struct {
	folder string
	bin    string
	cmd    *exec.Cmd
	ended  chan struct{}
}

func start() (*Server, error) {
	bin, err := programs(folders)
	if err != nil {
		return nil, err
	}
	folder, err := newFolder()
	if err != nil {
		return nil, err
	}
	s := &Server{folder: folder, bin: bin}
	if err := s.initialize(); err != nil {
		s.Remove()
		return nil, err
	}
	if err := s.run(); err != nil {
		s.Remove()
		return nil, err
	}
	return s, nil
}

// folders is where distributions put the programs of each version.
const folders = "/usr/lib/postgresql/*/bin"

// programs finds the folder of initdb and postgres: the one in PATH, else the newest.
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
		if _, err := os.Stat(filepath.Join(candidate, "postgres")); err == nil && supported {
			return candidate, nil
		}
	}
	return "", errMissing
}

// Role is a user with the password Password; everybody else is trusted.
const (
	Role     = "guarded"
	Password = "correct-horse"
)

func (s *Server) initialize() error {
	data := filepath.Join(s.folder, "data")
	cmd := command(s.folder, filepath.Join(s.bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	hba := "local all " + Role + " scram-sha-256\nlocal all all trust\n"
	return os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte(hba), 0o600)
}

// run starts the server and waits until it answers.
func (s *Server) run() error {
	log, err := os.OpenFile(filepath.Join(s.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = command(s.folder, filepath.Join(s.bin, "postgres"), "-D", filepath.Join(s.folder, "data"), "-k", s.folder,
		"-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=200",
		"-c", "shared_buffers=32MB", "-c", "max_wal_size=256MB")
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.ended = make(chan struct{})
	if err := launch(s.cmd, s.ended); err != nil {
		return err
	}
	return s.ready()
}

func (s *Server) ready() error {
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := s.execute("SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			log, _ := os.ReadFile(filepath.Join(s.folder, "log"))
			return fmt.Errorf("PostgreSQL did not start: %s", log)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("PostgreSQL does not answer: %w", err)
		}
	}
}

// URL is the address of the server's database "postgres"; more parameters can follow it.
func (s *Server) URL() string { return "postgres://postgres@/postgres?host=" + s.folder }

// Socket is the path of the socket that the server listens on.
func (s *Server) Socket() string { return filepath.Join(s.folder, ".s.PGSQL.5432") }

func (s *Server) execute(statement string) error { return execute(s.URL(), statement) }

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
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(immediate) // it may have ended by itself
	<-s.ended
	s.unlock(s.cmd.Process.Pid)
	s.cmd = nil
}

// unlock removes the lock of a server that has ended without doing so: once its pid is that of
// another process, no server would start here any more.
func (s *Server) unlock(pid int) {
	text, err := os.ReadFile(s.lock())
	if owner, _, _ := strings.Cut(string(text), "\n"); err == nil && owner == strconv.Itoa(pid) {
		_ = os.Remove(s.lock()) // else the next start says so
	}
}

func (s *Server) lock() string { return filepath.Join(s.folder, "data", "postmaster.pid") }

// Restart starts a server that crashed on what it had kept. What is left of one may take a
// moment to end, and lets no other start meanwhile.
func (s *Server) Restart() error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := s.run()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		s.Crash()
		time.Sleep(50 * time.Millisecond)
	}
}

// Remove ends the server and removes its folder. A nil server has none.
func (s *Server) Remove() {
	if s == nil {
		return
	}
	s.Crash()
	_ = os.RemoveAll(s.folder) // what stays behind is swept by the next start
}
