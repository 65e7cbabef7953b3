// Package running starts vpsbot as the files of deploy/ say: with the same arguments, variables, credentials and signals,
// but without systemd, a container engine or a cluster.
package running

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/store/pgtest"
)

var program string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "vpsbot-running-")
	if err == nil {
		program = filepath.Join(folder, "vpsbot")
		build := exec.Command("go", "build", "-o", program, "./cmd/vpsbot")
		build.Dir, build.Stderr = "../../..", os.Stderr
		err = build.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := pgtest.Run(m)
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

// log is what a process writes.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// process is a program that runs.
type process struct {
	testing.TB
	cmd *exec.Cmd
	log log
}

// start starts a program with these variables alone. It is killed at the end of the test.
func start(t *testing.T, env map[string]string, path string, args ...string) *process {
	t.Helper()
	p := &process{TB: t, cmd: exec.Command(path, args...)}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		p.cmd.Env = append(p.cmd.Env, name+"="+env[name])
	}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = t.TempDir(), &p.log, &p.log
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
	return p
}

func (p *process) signal(s os.Signal) {
	p.Helper()
	require.NoError(p, p.cmd.Process.Signal(s))
}

// stop ends vpsbot serve as a manager does, which has 15 seconds for it.
func (p *process) stop() {
	p.Helper()
	begun := time.Now()
	p.signal(syscall.SIGTERM)
	require.NoError(p, p.cmd.Wait(), &p.log)
	require.Less(p, time.Since(begun), 15*time.Second)
}

func (p *process) sees(text string) {
	p.Helper()
	require.Eventually(p, func() bool { return strings.Contains(p.log.String(), text) }, 15*time.Second, 5*time.Millisecond, "%s:\n%s", text, &p.log)
}

// run runs vpsbot to its end.
func run(t *testing.T, env map[string]string, args ...string) string {
	t.Helper()
	p := start(t, env, program, args...)
	require.NoError(t, p.cmd.Wait(), &p.log)
	return p.log.String()
}

// freeAddress is an address of this machine that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// simulate starts a VPS.org and returns its address.
func simulate(t *testing.T) string {
	t.Helper()
	at := freeAddress(t)
	p := start(t, nil, program, "simulator", "--listen", at)
	p.sees("VPS.org simulator at")
	return "http://" + at + "/api/v1"
}

// status is the status of an answer, 0 for none.
func status(url string) int {
	resp, err := http.Get(url)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

func waitReady(t *testing.T, address string, p *process) {
	t.Helper()
	require.Eventually(t, func() bool { return status("http://"+address+"/readyz") == http.StatusOK }, 20*time.Second, 10*time.Millisecond, "%v", p.log.String)
}

// front is where calls go to: a replica, as a proxy calls it, or the proxy.
type front struct {
	address, host string
	isTLS         bool
}

// ask calls a tool over MCP by the name of the host that people use.
func (f front) ask(t *testing.T, key, tool string) (int, string) {
	t.Helper()
	body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + tool + `","arguments":{}}}`
	scheme := map[bool]string{false: "http://", true: "https://"}[f.isTLS]
	req, err := http.NewRequest(http.MethodPost, scheme+f.address+"/mcp", strings.NewReader(body))
	require.NoError(t, err)
	req.Host = f.host
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("Authorization", "Bearer "+key)
	if !f.isTLS {
		req.Header.Set("X-Forwarded-Proto", "https")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{ServerName: f.host, InsecureSkipVerify: true}, DisableKeepAlives: true} // its own authority
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(raw)
}

// makeKey makes the first access key of a database, which needs no terminal.
func makeKey(t *testing.T, env map[string]string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	run(t, env, "keys", "create", "ada-laptop", "--out", file)
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	return strings.TrimSpace(string(raw))
}

// mount is a path of a container or a service, and where it lies in the test.
type mount struct{ path, at string }

// place puts mounts into the values of variables.
func place(env map[string]string, mounts ...mount) map[string]string {
	placed := maps.Clone(env)
	for name, value := range env {
		for _, m := range mounts {
			value = strings.ReplaceAll(value, m.path, m.at)
		}
		placed[name] = value
	}
	return placed
}

// files writes files into a folder of the test.
func files(t *testing.T, content map[string]string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	for name, text := range content {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	return folder
}

const readPolicy = "version: 1\nrules:\n  - {name: who has a key reads, effect: allow, who: [\"*\"], where: [mcp], risks: [read]}\n"

// hostOf is the name in an address of the web.
func hostOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	return u.Host
}
