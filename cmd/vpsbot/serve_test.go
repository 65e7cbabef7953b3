package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/cli"
	"github.com/vpsbot/vpsbot/internal/fakeslack"
	"github.com/vpsbot/vpsbot/internal/store/pgtest"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

// serveProcess is "vpsbot serve" in this process.
type serveProcess struct {
	testing.TB
	log   testkit.Log
	end   context.CancelFunc
	ended chan int // its exit code
	url   string
}

// slack starts a fake Slack with two people and two channels, and sets the environment to it.
func (b *sandbox) slack(t testing.TB, socket bool) *fakeslack.Slack {
	t.Helper()
	s := fakeslack.New(t, fakeslack.Options{})
	s.Secrets = []string{secret}
	s.AddUser(fakeslack.User{ID: "U0LEAD123", Name: "lead"})
	s.AddUser(fakeslack.User{ID: "U0SECOND1", Name: "second"})
	s.AddChannel("C0OPS12345", "U0LEAD123", "U0SECOND1")
	s.AddChannel("C0APPROVE1", "U0LEAD123", "U0SECOND1")
	b.env["VPSBOT_LISTEN"] = "127.0.0.1:0"
	b.pointTo(s, socket)
	return s
}

// pointTo sets the variables that connect to a Slack.
func (b *sandbox) pointTo(s *fakeslack.Slack, socket bool) {
	b.env["SLACK_API_URL"], b.env["SLACK_BOT_TOKEN"] = s.APIURL(), s.Options().BotToken
	if socket {
		b.env["SLACK_APP_TOKEN"] = s.Options().AppToken
		s.SocketMode()
	} else {
		b.env["SLACK_SIGNING_SECRET"] = s.Options().SigningSecret
	}
}

// startServe starts "vpsbot serve", which ends with the test.
func (b *sandbox) startServe(t testing.TB) *serveProcess {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &serveProcess{TB: t, end: cancel, ended: make(chan int, 1)}
	environment := b.environment()
	go func() {
		err := cli.Run(ctx, []string{"serve"}, environment, cli.IO{In: strings.NewReader(""), Out: &s.log, Err: &s.log})
		s.ended <- cli.Report(&s.log, err)
	}()
	t.Cleanup(func() { s.stop() })
	address := regexp.MustCompile(`msg=serving .*address=(\S+)`)
	require.Eventually(t, func() bool {
		found := address.FindStringSubmatch(s.log.String())
		if found != nil {
			s.url = "http://" + found[1]
		}
		return found != nil || len(s.ended) > 0
	}, 10*time.Second, time.Millisecond)
	return s
}

// stop ends the process as a signal does, and returns the exit code.
func (s *serveProcess) stop() int {
	s.Helper()
	s.end()
	return s.code()
}

func (s *serveProcess) code() int {
	s.Helper()
	select {
	case code := <-s.ended:
		s.ended <- code
		return code
	case <-time.After(20 * time.Second):
		s.Fatalf("it does not end:\n%s", &s.log)
		return -1
	}
}

func (s *serveProcess) get(path string) (status int, body string) {
	resp, err := http.Get(s.url + path)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	raw, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(raw)
}

// post posts a form that is not signed, and returns the status of the answer.
func (s *serveProcess) post(path string) int {
	s.Helper()
	resp, err := http.Post(s.url+path, "application/x-www-form-urlencoded", strings.NewReader("text=servers+list"))
	require.NoError(s, err)
	resp.Body.Close()
	return resp.StatusCode
}

func (s *serveProcess) waitReady() {
	s.Helper()
	require.Eventually(s, func() bool {
		status, _ := s.get("/readyz")
		return status == http.StatusOK
	}, 10*time.Second, 5*time.Millisecond, s.log.String)
}

func (s *serveProcess) waitForLog(text string) {
	s.Helper()
	require.Eventually(s, func() bool { return strings.Contains(s.log.String(), text) }, 10*time.Second, 5*time.Millisecond, text)
}

// In both modes a command is answered, and a signal ends the process in order.
func TestServe(t *testing.T) {
	t.Parallel()
	for mode, socket := range map[string]bool{"HTTP": false, "Socket Mode": true} {
		t.Run(mode, func(t *testing.T) {
			b := newSandbox(t)
			slack := b.slack(t, socket)
			b.env["VPSBOT_LOG_LEVEL"] = "debug" // with secrets in more places
			s := b.startServe(t)
			if !socket {
				slack.Deliver(s.url)
			}
			s.waitReady()
			status, body := s.get("/healthz")
			require.Equal(t, http.StatusOK, status)
			require.Equal(t, "ok\n", body)
			slack.As("U0LEAD123").In("C0OPS12345").Type("/vps servers list")
			slack.WaitEphemeral("U0LEAD123", "web-server-01")

			require.Zero(t, s.stop(), s.log.String())
			require.Zero(t, slack.Connections())
			log := s.log.String()
			require.Contains(t, log, "mode=")
			require.Contains(t, log, mode)
			require.Contains(t, log, `msg="Slack: signed in" bot=vpsbot workspace=fake`)
			require.Contains(t, log, "without VPSBOT_POLICY_FILE everybody in the workspace may read")
			require.Less(t, strings.Index(log, "msg=stopping"), strings.Index(log, "msg=stopped"))
			for _, name := range []string{"VPS_API_TOKEN", "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN"} {
				if b.env[name] != "" {
					require.NotContains(t, log, b.env[name])
				}
			}
			_, body = s.get("/healthz")
			require.Contains(t, body, "refused")
		})
	}
}

// On PostgreSQL serve needs no access key: Slack identifies the requesters.
func TestServeNeedsNoKeyOnPostgreSQL(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.env["VPSBOT_DATABASE_URL"] = pgtest.URL(t)
	slack := b.slack(t, true)
	s := b.startServe(t)
	s.waitReady()
	slack.As("U0LEAD123").In("C0OPS12345").Type("/vps servers list")
	slack.WaitEphemeral("U0LEAD123", "web-server-01")
	require.Zero(t, s.stop())
}

// While Slack cannot be reached serve is alive and not ready.
func TestServeWaitsForSlack(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	slack := b.slack(t, true)
	slack.Down(true)
	s := b.startServe(t)
	s.waitForLog("Slack cannot be asked whose bot this is, so nothing is carried out yet; it is tried again")
	status, body := s.get("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "Slack has not said yet whose bot this is\nno connection to Slack has had its hello\n", body)
	status, _ = s.get("/healthz")
	require.Equal(t, http.StatusOK, status)
	slack.Down(false)
	s.waitReady()
}

// A token that Slack refuses ends serve.
func TestServeWithAWrongToken(t *testing.T) {
	t.Parallel()
	for code, says := range map[string]string{
		"invalid_auth": "not a token that Slack knows", "token_revoked": "it was revoked", "account_inactive": "the app was removed",
	} {
		b := newSandbox(t)
		slack := b.slack(t, false)
		slack.Fail("auth.test", fakeslack.Fault{Error: code})
		s := b.startServe(t)
		require.Equal(t, 1, s.code())
		require.Regexp(t, `vpsbot: SLACK_BOT_TOKEN: Slack refuses it \(`+code+`\): .*`+says, s.log.String())
		require.NotContains(t, s.log.String(), b.env["SLACK_BOT_TOKEN"])
	}
}

// An internal error of Slack is no refusal of the token.
func TestServeOutlastsABrokenSlack(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	slack := b.slack(t, false)
	slack.Fail("auth.test", fakeslack.Fault{Error: "internal_error", Times: 2})
	s := b.startServe(t)
	s.waitForLog("says internal_error")
	s.waitReady()
}

func TestServeWithoutAStoreIsNotReady(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.slack(t, false)
	b.env["VPSBOT_DATABASE_URL"] = "sqlite:/dev/null/vpsbot.db"
	s := b.startServe(t)
	s.waitForLog("Slack: signed in")
	var status int
	var body string
	require.Eventually(t, func() bool {
		status, body = s.get("/readyz")
		return body == "the store cannot be used: the log and vpsbot doctor say why\n"
	}, 5*time.Second, 10*time.Millisecond)
	require.Equal(t, http.StatusServiceUnavailable, status)
}

// Before serve stops listening it reports that it is not ready, and still answers: Slack does not repeat a
// request that failed.
func TestServeIsUnreadyBeforeItStops(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	slack := b.slack(t, false)
	s := b.startServe(t)
	slack.Deliver(s.url)
	s.waitReady()
	s.end()
	require.Eventually(t, func() bool {
		_, body := s.get("/readyz")
		return body == "it is stopping\n"
	}, 5*time.Second, 5*time.Millisecond)
	require.True(t, slack.As("U0LEAD123").In("C0OPS12345").Type("/vps servers list").OK())
	slack.WaitEphemeral("U0LEAD123", "web-server-01")
	require.Zero(t, s.code())
}

// SIGTERM ends serve within its time limit.
func TestServeEndsOnSIGTERM(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	slack := b.slack(t, true)
	cmd := b.command(t, "serve")
	var log testkit.Log
	cmd.Stderr = &log
	require.NoError(t, cmd.Start())
	defer cmd.Process.Kill()
	require.Eventually(t, func() bool { return slack.Connections() == 2 }, 10*time.Second, 5*time.Millisecond)
	begun := time.Now()
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait(), log.String())
	require.Less(t, time.Since(begun), 15*time.Second)
	require.Contains(t, log.String(), "msg=stopped")
	require.NotContains(t, log.String(), b.env["SLACK_BOT_TOKEN"])
}

// A request without a valid signature is refused, and an unknown path does not exist.
func TestServeRefusesUnsignedRequests(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	slack := b.slack(t, false)
	s := b.startServe(t)
	slack.Deliver(s.url)
	s.waitReady()
	for path, want := range map[string]int{"/slack/commands": 401, "/slack/interactivity": 401, "/slack/events": 401, "/": 404, "/mcp": 404, "/debug/pprof/": 404} {
		require.Equal(t, want, s.post(path), path)
	}
	require.Equal(t, http.StatusOK, slack.As("U0LEAD123").In("C0OPS12345").Type("/vps help").Status)
}

// In Socket Mode the routes of Slack do not exist.
func TestSocketModeServesNoSlackRoutes(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.slack(t, true)
	require.Equal(t, http.StatusNotFound, b.startServe(t).post("/slack/commands"))
}

func TestServeWithInvalidSettings(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for name, test := range map[string]struct {
		env  map[string]string
		code int
		says string
	}{
		"nothing to serve":      {map[string]string{"SLACK_BOT_TOKEN": "", "SLACK_SIGNING_SECRET": "", "VPSBOT_MCP": "false"}, 2, "VPSBOT_MCP is false, and SLACK_BOT_TOKEN is not set: make an app with the output of vpsbot slack manifest"},
		"no policy, all hosts":  {map[string]string{"VPSBOT_MCP": "true", "VPSBOT_LISTEN": ":0"}, 2, "other machines reach /mcp at :0, so a policy must say"},
		"no policy, an address": {map[string]string{"VPSBOT_PUBLIC_URL": "https://bot.example.com"}, 2, "other machines reach /mcp at https://bot.example.com, so a policy must say"},
		"both modes":            {map[string]string{"SLACK_APP_TOKEN": "xapp-1"}, 2, "are both set: unset one of them"},
		"neither mode":          {map[string]string{"SLACK_SIGNING_SECRET": ""}, 2, "neither SLACK_SIGNING_SECRET nor SLACK_APP_TOKEN"},
		"no token of VPS.org":   {map[string]string{"VPS_API_TOKEN": ""}, 2, "no VPS.org token is set"},
		"an unreadable secret":  {map[string]string{"SLACK_SIGNING_SECRET": "", "SLACK_SIGNING_SECRET_FILE": "/not/there"}, 2, "SLACK_SIGNING_SECRET_FILE: the file /not/there cannot be read"},
		"an unreadable token":   {map[string]string{"SLACK_BOT_TOKEN": "", "SLACK_BOT_TOKEN_FILE": "/not/there"}, 2, "SLACK_BOT_TOKEN_FILE: the file /not/there cannot be read"},
		"a policy with a fault": {map[string]string{"VPSBOT_POLICY_FILE": "/not/there"}, 2, "VPSBOT_POLICY_FILE: "},
		"an address in use":     {map[string]string{"VPSBOT_LISTEN": taken.Addr().String()}, 1, "VPSBOT_LISTEN takes another address"},
		"a host of elsewhere":   {map[string]string{"VPSBOT_LISTEN": "no.such.host.invalid:1"}, 2, "is no address of this machine"},
		"a broken address":      {map[string]string{"VPSBOT_LISTEN": "here"}, 2, "VPSBOT_LISTEN is not HOST:PORT"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newSandbox(t)
			b.slack(t, false)
			for variable, value := range test.env {
				b.env[variable] = value
			}
			_, errs, code := b.run(t.Context(), "serve")
			require.Equal(t, test.code, code, errs)
			require.Contains(t, errs, test.says)
			require.Empty(t, b.sim.Requests(), "nothing was sent")
		})
	}
}

const approvalsPolicy = `version: 1
people:
  - {id: lead, slack: [U0LEAD123], keys: [lead-laptop]}
  - {id: second, slack: [U0SECOND1], keys: [second-laptop]}
rules:
  - {name: team reads, effect: allow, who: [lead, second], risks: [read]}
  - {name: two delete, effect: allow, who: [lead, second], operations: [servers.delete], approvers: {count: 1, who: [lead, second]}}
slack: {approvals_channel: C0APPROVE1}
`

// While serve can ask in Slack, other processes of the installation leave their questions to it.
func TestServeIsSeenByOtherProcesses(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	key := b.makeKey(t, "lead-laptop")
	slack := b.slack(t, true)
	b.policyFile(t, approvalsPolicy)
	seen := func() bool {
		a, err := app.New(t.Context(), app.NewEnvironment(envconfig.MapLookuper(b.env), io.Discard))
		require.NoError(t, err)
		defer a.Store.Close()
		return a.AsksInSlack(t.Context())
	}
	require.False(t, seen())
	s := b.startServe(t)
	s.waitReady()
	require.Eventually(t, seen, 10*time.Second, 50*time.Millisecond)

	b.env["VPSBOT_KEY"] = key
	screen, code := b.inTerminal(t, "web-server-01", "run", "servers.delete", "web-server-01")
	require.Equal(t, 4, code, screen)
	slack.WaitMessage("C0APPROVE1", "web-server-01")
}

// serve warns at the start of a token that expires soon, and of one that VPS.org does not know.
func TestServeWarnsOfAnExpiringToken(t *testing.T) {
	t.Parallel()
	for token, says := range map[string]string{
		"vps_expiring": `the VPS.org token expires soon: make a new one" token=Expiring in="5 days"`,
		"vps_unknown":  "VPS.org does not say what the token may do",
	} {
		b := newSandbox(t)
		b.slack(t, true)
		b.env["VPS_API_URL"], b.env["VPS_API_TOKEN"] = "simulator", token
		s := b.startServe(t)
		s.waitForLog(says)
		require.Zero(t, s.stop())
	}
}
