package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/store/pgtest"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

// followed is a log to which a test writes, and a program that follows it.
type followed struct {
	*sandbox
	t  *testing.T
	db *store.Store
}

func followEach(t *testing.T, test func(f followed)) {
	t.Helper()
	for name, url := range map[string]func(*sandbox) string{
		"sqlite":   func(b *sandbox) string { return "sqlite:" + filepath.Join(b.env["XDG_STATE_HOME"], "log.db") },
		"postgres": func(*sandbox) string { return pgtest.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newSandbox(t)
			require.NoError(t, os.MkdirAll(b.env["XDG_STATE_HOME"], 0o700))
			b.env["VPSBOT_DATABASE_URL"] = url(b)
			db, err := store.Open(t.Context(), b.env["VPSBOT_DATABASE_URL"])
			require.NoError(t, err)
			t.Cleanup(func() { _ = db.Close() })
			test(followed{b, t, db})
		})
	}
}

// add adds rows to the log.
func (f followed) add(rows int) {
	f.t.Helper()
	for range rows {
		require.NoError(f.t, f.db.Note(f.t.Context(), audit.Row{
			At: time.Now(), Actor: "local:alice", Surface: "terminal", Operation: "servers.reboot", Arguments: json.RawMessage(`{"server":"12345"}`), Decision: audit.Allowed,
		}))
	}
}

func (f followed) start(args ...string) *exec.Cmd {
	f.t.Helper()
	cmd := f.command(f.t, append([]string{"audit", "export", "--follow"}, args...)...)
	log := &testkit.Log{}
	cmd.Stderr = log
	require.NoError(f.t, cmd.Start())
	f.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if f.t.Failed() {
			f.t.Log(log.String())
		}
	})
	return cmd
}

func rowsIn(t *testing.T, files ...string) (rows []int64) {
	t.Helper()
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil
		}
		lines := bytes.SplitAfter(raw, []byte("\n"))
		for _, line := range lines[:len(lines)-1] { // the last one may be under way
			var row audit.Row
			require.NoError(t, json.Unmarshal(line, &row))
			rows = append(rows, row.Seq)
		}
	}
	return rows
}

func upTo(n int) (all []int64) {
	for i := range n {
		all = append(all, int64(i+1))
	}
	return all
}

// Killed at any moment and started anew, it neither loses nor repeats a row of the file; nor when the file is rotated.
func TestFollowSurvivesKills(t *testing.T) {
	t.Parallel()
	followEach(t, func(f followed) {
		out := filepath.Join(f.t.TempDir(), "audit.jsonl")
		total := 0
		for range testkit.Size(5, 20) {
			rows := 1 + rand.N(400) //nolint:gosec // no secret
			f.add(rows)
			total += rows
			cmd := f.start("--to", out)
			time.Sleep(time.Duration(rand.N(400)) * time.Millisecond) //nolint:gosec // no secret
			require.NoError(f.t, cmd.Process.Kill())
			_ = cmd.Wait()
		}
		// What a crash of the machine may leave: half a line, and a cursor of before.
		require.NoError(f.t, os.WriteFile(out+".cursor", []byte(`{"seq":0,"hash":"","checkpointed":false}`), 0o600))
		file, err := os.OpenFile(out, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
		require.NoError(f.t, err)
		_, err = file.WriteString(`{"seq":`)
		require.NoError(f.t, err)
		require.NoError(f.t, file.Close())
		cmd := f.start("--to", out)
		f.add(1)
		total++
		require.Eventually(f.t, func() bool { return len(rowsIn(f.t, out)) >= total }, testTimeout, 50*time.Millisecond)
		require.NoError(f.t, os.Rename(out, out+".1"))
		f.add(3)
		total += 3
		require.Eventually(f.t, func() bool { return slices.Equal(rowsIn(f.t, out), upTo(total)[total-3:]) }, testTimeout, 50*time.Millisecond)
		require.NoError(f.t, cmd.Process.Signal(syscall.SIGTERM))
		require.NoError(f.t, cmd.Wait(), "it ends in order")
		require.Equal(f.t, upTo(total), rowsIn(f.t, out+".1", out))
		_, errs, code := f.run(f.t.Context(), "audit", "verify", "--file", out+".1", "--file", out)
		require.Zero(f.t, code, errs)

		require.NoError(f.t, os.WriteFile(out+".cursor", []byte(`{"seq":2,"hash":"00"}`), 0o600))
		require.NoError(f.t, os.Remove(out))
		_, errs, code = f.run(f.t.Context(), "audit", "export", "--follow", "--to", out)
		require.Equal(f.t, 1, code)
		require.Contains(f.t, errs, "row 2 is not the one that was exported")
		require.NoError(f.t, os.WriteFile(out+".cursor", []byte(`{"seq":99999,"hash":"00"}`), 0o600))
		_, errs, code = f.run(f.t.Context(), "audit", "export", "--follow", "--to", out)
		require.Equal(f.t, 1, code)
		require.Contains(f.t, errs, "the log has no row 99999")
	})
}

// A database that crashes and comes back later is waited for, and nothing is lost or repeated.
func TestFollowWaitsForTheDatabase(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	b := newSandbox(t)
	b.env["VPSBOT_DATABASE_URL"] = server.URL()
	add := func(rows int) {
		db, err := store.Open(t.Context(), server.URL())
		require.NoError(t, err)
		followed{b, t, db}.add(rows)
		require.NoError(t, db.Close())
	}
	add(2)
	out := filepath.Join(t.TempDir(), "audit.jsonl")
	cmd := followed{b, t, nil}.start("--to", out)
	require.Eventually(t, func() bool { return len(rowsIn(t, out)) == 2 }, testTimeout, 20*time.Millisecond)
	server.Crash()
	time.Sleep(3 * time.Second) // it looks each second
	require.NoError(t, server.Restart())
	add(3)
	require.Eventually(t, func() bool { return len(rowsIn(t, out)) >= 5 }, testTimeout, 20*time.Millisecond)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait())
	require.Equal(t, upTo(5), rowsIn(t, out))
}

// collectSyslog reads messages of RFC 5424 with their length before them.
func collectSyslog(l net.Listener, got func(string)) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			in := bufio.NewReader(conn)
			for {
				length, err := in.ReadString(' ')
				if err != nil {
					return
				}
				n, _ := strconv.Atoi(length[:len(length)-1])
				message := make([]byte, n)
				if _, err := io.ReadFull(in, message); err != nil {
					return
				}
				got(string(message))
			}
		}()
	}
}

var syslogForm = regexp.MustCompile(`^<110>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S+ vpsbot \d+ audit - (\{"seq":(\d+),.*\})$`)

func TestFollowToSyslog(t *testing.T) {
	t.Parallel()
	folder, err := os.MkdirTemp("", "vpsbot") // a socket's path must be short
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	path := filepath.Join(folder, "log")
	stream, err := net.Listen("unix", path)
	require.NoError(t, err)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	datagrams, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path + "-dgram", Net: "unixgram"})
	require.NoError(t, err)
	var mu sync.Mutex
	var seen []string
	take := func(message string) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, message)
	}
	go collectSyslog(stream, take)
	go collectSyslog(tcp, take)
	go func() {
		buffer := make([]byte, 64<<10)
		for {
			n, err := datagrams.Read(buffer)
			if err != nil {
				return
			}
			take(string(buffer[:n]))
		}
	}()
	t.Cleanup(func() { _, _, _ = stream.Close(), tcp.Close(), datagrams.Close() })
	b := newSandbox(t)
	b.env["VPSBOT_DATABASE_URL"] = "sqlite:" + filepath.Join(folder, "log.db")
	db, err := store.Open(t.Context(), b.env["VPSBOT_DATABASE_URL"])
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	f := followed{b, t, db}
	next := 1
	for _, to := range []string{"unix:" + path, "syslog://" + path + "-dgram", "tcp://" + tcp.Addr().String()} {
		cmd := f.start("--to", to, "--cursor", filepath.Join(folder, "cursor"))
		f.add(2)
		want := next + 2
		require.Eventually(t, func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(seen) == want-1
		}, testTimeout, 20*time.Millisecond, "%s: %v", to, seen)
		require.Eventually(t, func() bool {
			raw, _ := os.ReadFile(filepath.Join(folder, "cursor"))
			return bytes.Contains(raw, fmt.Appendf(nil, `"seq":%d,`, want-1))
		}, testTimeout, 20*time.Millisecond)
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		require.NoError(t, cmd.Wait())
		next = want
	}
	for i, message := range seen {
		found := syslogForm.FindStringSubmatch(message)
		require.NotNil(t, found, message)
		require.Equal(t, strconv.Itoa(i+1), found[2])
	}
}

func TestFollowRefuses(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--to", "x"}, {"--cursor", "x"}, {"--follow", "--limit", "1"}, {"--follow", "--actor", "x"}, {"--follow", "--to", "tcp://host"}, {"--follow", "--to", "tcp://host:syslog"}, {"--follow", "--to", "unix:log"},
		{"--follow", "--to", "https://siem.example.com"}, {"--follow", "--to", ""},
	} {
		_, errs, code := newSandbox(t).run(t.Context(), append([]string{"audit", "export"}, args...)...)
		require.Equal(t, 2, code, "%v: %s", args, errs)
	}
}

// What ends with half a line that is none of the log's is another's file: nothing of it is cut off.
func TestFollowLeavesOtherFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, content := range map[string]string{"notes": "one\ntwo", "a word": "x", "json": `{"a":1}`, "half": "\n{\"sequence"} {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		_, errs, code := newSandbox(t).run(t.Context(), "audit", "export", "--follow", "--to", path)
		require.Equal(t, 2, code, errs)
		require.Contains(t, errs, "is left as it is: name another file")
		left, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, content, string(left))
		require.NoFileExists(t, path+".cursor")
	}
	for _, path := range []string{"/dev/null", "/dev/stdout"} {
		_, errs, code := newSandbox(t).run(t.Context(), "audit", "export", "--follow", "--to", path)
		require.Equal(t, 2, code, errs)
		require.Contains(t, errs, "is no file: --to takes")
	}
}
