//go:build unix

package main

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/fakeslack"
	"github.com/vpsbot/vpsbot/internal/store/pgtest"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

// manager is the socket of a service manager, and what it has heard.
type manager struct {
	testing.TB
	socket string
	heard  testkit.Log // a datagram a line, its own lines with | between
}

// newManager listens for a process of the sandbox, which it watches if watchdog is not 0.
func (b *sandbox) newManager(t *testing.T, watchdog string) *manager {
	t.Helper()
	m := &manager{TB: t, socket: filepath.Join(t.TempDir(), "notify")}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.socket, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	go func() {
		for datagram := make([]byte, 4096); ; {
			n, err := conn.Read(datagram)
			if err != nil {
				return
			}
			m.heard.Write([]byte(strings.ReplaceAll(string(datagram[:n]), "\n", "|") + "\n"))
		}
	}()
	b.env["NOTIFY_SOCKET"] = m.socket
	if watchdog != "" {
		b.env["WATCHDOG_USEC"] = watchdog
	}
	return m
}

func (m *manager) count(state string) int { return strings.Count(m.heard.String(), state) }

// await waits until a state was heard more often than before.
func (m *manager) await(state string, before int) {
	m.Helper()
	require.Eventually(m, func() bool { return m.count(state) > before }, 15*time.Second, time.Millisecond, "%s:\n%s", state, m.heard.String)
}

// process is "vpsbot serve" as a process of its own.
type process struct {
	*serveProcess
	cmd *exec.Cmd
}

func (b *sandbox) startProcess(t *testing.T) *process {
	t.Helper()
	p := &process{&serveProcess{TB: t}, b.command(t, "serve")}
	p.cmd.Stderr = &p.log
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() { p.cmd.Process.Kill() })
	p.waitForLog("msg=serving")
	p.url = "http://" + regexp.MustCompile(`msg=serving .*address=(\S+)`).FindStringSubmatch(p.log.String())[1]
	return p
}

func (p *process) signal(s os.Signal) {
	p.Helper()
	require.NoError(p, p.cmd.Process.Signal(s))
}

// ends waits for the end, which a stop has 15 seconds for.
func (p *process) ends(begun time.Time) {
	p.Helper()
	require.NoError(p, p.cmd.Wait(), p.log.String())
	require.Less(p, time.Since(begun), 15*time.Second)
	require.Contains(p, p.log.String(), "msg=stopped")
}

// The service manager hears that serve is ready, how it does, and that it stops; meanwhile it hears the watchdog.
func TestServeNotifiesTheManager(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.env["VPSBOT_LISTEN"] = "127.0.0.1:0"
	m := b.newManager(t, "600000") // fed every 300 ms
	p := b.startProcess(t)
	m.await("READY=1", 0)
	m.await("STATUS=ready|WATCHDOG=1\n", 2)
	begun := time.Now()
	p.signal(syscall.SIGTERM)
	m.await("STOPPING=1|STATUS=stopping\n", 0)
	status, body := p.get("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status, "it is still reached")
	require.Equal(t, "it is stopping\n", body)
	p.ends(begun)
	heard := m.heard.String()
	require.True(t, strings.HasPrefix(heard, "READY=1\n"), heard)
	require.True(t, strings.HasSuffix(heard, "STOPPING=1|STATUS=stopping\n"), heard)
	require.Equal(t, 1, m.count("READY=1"))
}

func TestServeRefusesAWrongManager(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.env["NOTIFY_SOCKET"] = "vsock:2:1"
	_, errs, code := b.run(t.Context(), "serve")
	require.Equal(t, 2, code)
	require.Contains(t, errs, `NOTIFY_SOCKET "vsock:2:1" is not the path of a socket`)
}

// slowLink is a TCP address in front of a PostgreSQL, which can be made silent.
type slowLink struct{ gate sync.RWMutex }

func (l *slowLink) pass(to, from net.Conn) {
	defer to.Close()
	for data := make([]byte, 4096); ; {
		n, err := from.Read(data)
		l.gate.RLock()
		_, failed := to.Write(data[:n])
		l.gate.RUnlock()
		if err != nil || failed != nil {
			return
		}
	}
}

// newSlowLink returns a link to a database, and the URL of the database through it.
func newSlowLink(t *testing.T, database string) (l *slowLink, through string) {
	t.Helper()
	u, err := url.Parse(database)
	require.NoError(t, err)
	query := u.Query()
	socket := filepath.Join(query.Get("host"), ".s.PGSQL.5432")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	l = &slowLink{}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("unix", socket)
			if err != nil {
				client.Close()
				continue
			}
			go l.pass(server, client)
			go l.pass(client, server)
		}
	}()
	query.Del("host")
	query.Set("sslmode", "disable")
	u.Host, u.RawQuery = listener.Addr().String(), query.Encode()
	return l, u.String()
}

// While the store is silent the watchdog is not fed, and a signal still ends serve in time.
func TestTheWatchdogIsNotFedWhileTheStoreIsSilent(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.env["VPSBOT_LISTEN"] = "127.0.0.1:0"
	link, through := newSlowLink(t, pgtest.URL(t))
	b.env["VPSBOT_DATABASE_URL"] = through
	m := b.newManager(t, "400000")
	p := b.startProcess(t)
	m.await("WATCHDOG=1", 2)

	link.gate.Lock()
	m.await("STATUS=the store does not answer within a second\n", 1)
	fed := m.count("WATCHDOG=1")
	m.await("STATUS=the store does not answer within a second\n", m.count("STATUS=the store does not answer"))
	require.Equal(t, fed, m.count("WATCHDOG=1"))
	require.Contains(t, p.log.String(), `msg="the watchdog is not fed" reason="the store does not answer within a second"`)
	link.gate.Unlock()
	m.await("STATUS=ready|WATCHDOG=1", 0)
	m.await("WATCHDOG=1", m.count("WATCHDOG=1"))

	link.gate.Lock()
	begun := time.Now()
	p.signal(syscall.SIGTERM)
	p.ends(begun)
	link.gate.Unlock()
}

// A store that refuses is away: no new start mends it, so the watchdog is fed, and the status says it.
func TestTheWatchdogIsFedWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.env["VPSBOT_LISTEN"], b.env["VPSBOT_DATABASE_URL"] = "127.0.0.1:0", "sqlite:/dev/null/vpsbot.db"
	m := b.newManager(t, "400000")
	s := b.startServe(t)
	m.await("STATUS=the store cannot be used: the log and vpsbot doctor say why|WATCHDOG=1\n", 1)
	require.Zero(t, s.stop())
}

// Nobody reads the log, and the pipe is full: calls are answered, and it ends in time.
func TestServeWaitsForNoReaderOfItsLog(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.env["VPSBOT_LISTEN"] = "127.0.0.1:0"
	unread, log, err := os.Pipe()
	require.NoError(t, err)
	defer unread.Close()
	require.NoError(t, log.SetWriteDeadline(time.Now().Add(100*time.Millisecond)))
	for err == nil {
		_, err = log.Write([]byte("x"))
	}
	m := b.newManager(t, "600000")
	cmd := b.command(t, "serve")
	cmd.Stderr = log
	require.NoError(t, cmd.Start())
	defer cmd.Process.Kill()
	m.await("STATUS=ready|WATCHDOG=1\n", 2) // it calls itself
	begun := time.Now()
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait())
	require.Less(t, time.Since(begun), 15*time.Second)
}

// SIGHUP makes serve read policy, tokens and Slack's secrets again, and it says what it does not.
func TestSIGHUPReloads(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	slack := b.slack(t, false)
	slack.NextToken = "xoxb-9-renewed-after-an-installation"
	policy := b.policyFile(t, approvalsPolicy)
	folder := t.TempDir()
	for name, value := range map[string]string{"SLACK_BOT_TOKEN": slack.Options().BotToken, "SLACK_SIGNING_SECRET": slack.Options().SigningSecret} {
		delete(b.env, name)
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(value), 0o600))
	}
	b.env["CREDENTIALS_DIRECTORY"] = folder
	m := b.newManager(t, "")
	p := b.startProcess(t)
	slack.Deliver(p.url)
	p.waitReady()
	reload := func(says string) {
		ready := m.count("READY=1")
		p.signal(syscall.SIGHUP)
		m.await("READY=1", ready)
		p.waitForLog(says)
	}

	reload(`not="variables, secrets in variables, the database's address, the key of the audit log, systemd's credentials, which systemctl restart reads"`)
	require.Equal(t, 1, m.count("RELOADING=1|STATUS=reloading\n"))
	require.Less(t, strings.Index(m.heard.String(), "RELOADING"), strings.LastIndex(m.heard.String(), "READY=1"))

	require.NoError(t, os.WriteFile(policy, []byte("version: 1\nrules: []\n"), 0o600))
	reload("the policy file has changed; the new one is in force")
	require.NoError(t, os.WriteFile(policy, []byte("version: 2\n"), 0o600))
	reload("the policy file has changed and is not taken; the one before stays in force")
	reload("msg=VPSBOT_POLICY_FILE error=") // each time that somebody asks

	slack.Fail("auth.test", fakeslack.Fault{Hang: time.Minute, Times: 1})
	require.NoError(t, os.WriteFile(filepath.Join(folder, "SLACK_BOT_TOKEN"), []byte("xoxb-7-unheard"), 0o600))
	reload("SLACK_BOT_TOKEN is not taken; the one before stays in use") // the watchdog is fed on before long
	require.NoError(t, os.WriteFile(filepath.Join(folder, "SLACK_BOT_TOKEN"), []byte("xoxb-8-wrong"), 0o600))
	reload("SLACK_BOT_TOKEN is not taken; the one before stays in use")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "SLACK_BOT_TOKEN"), []byte(slack.NextToken), 0o600))
	reload("SLACK_BOT_TOKEN has changed; the new one is in use")
	require.NoError(t, os.WriteFile(policy, []byte(approvalsPolicy), 0o600))
	reload("the policy file has changed; the new one is in force")
	slack.As("U0LEAD123").In("C0OPS12345").Type("/vps servers list")
	slack.WaitEphemeral("U0LEAD123", "web-server-01")

	require.NoError(t, os.Remove(filepath.Join(folder, "SLACK_SIGNING_SECRET")))
	reload("a secret cannot be read again")
	begun := time.Now()
	p.signal(syscall.SIGTERM)
	p.ends(begun)
	require.NotContains(t, p.log.String(), "xoxb-")
	require.NotContains(t, m.heard.String(), "xoxb-")
}

// At a terminal SIGHUP reloads too, unless it says that the terminal is gone.
func TestSIGHUPOfAClosedTerminalEnds(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.env["VPSBOT_LISTEN"] = "127.0.0.1:0"
	master, tty, err := openTerminal()
	require.NoError(t, err)
	cmd := b.command(t, "serve")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = controlledBy(0)
	require.NoError(t, cmd.Start())
	defer cmd.Process.Kill()
	require.NoError(t, tty.Close())
	var screen strings.Builder
	sees := func(text string) { // no read is left under way: it would keep the terminal open
		for data := make([]byte, 4096); !strings.Contains(screen.String(), text); {
			n, err := master.Read(data)
			require.NoError(t, err, screen.String())
			screen.Write(data[:n])
		}
	}
	sees("msg=serving")
	require.NoError(t, cmd.Process.Signal(syscall.SIGHUP))
	sees(`msg="reloaded; the rest is as it was at the start"`)
	require.NoError(t, master.Close())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-ended:
	case <-time.After(15 * time.Second):
		t.Fatal("it outlives its terminal")
	}
}
