package doctor

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot/transport"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// newDoctor is a doctor on a Linux machine with these variables.
func newDoctor(t *testing.T, variables map[string]string) *doctor {
	t.Helper()
	env := app.NewEnvironment(envconfig.MapLookuper(variables), io.Discard)
	env.GOOS, env.OneUser = "linux", false
	a, err := app.New(t.Context(), env)
	require.NoError(t, err)
	return &doctor{App: a, env: env, client: app.SlackClient()}
}

func TestClock(t *testing.T) {
	t.Parallel()
	d := newDoctor(t, nil)
	d.env.Clock = func() time.Time { return noon }
	date := func(after time.Duration) string { return noon.Add(after).Format(http.TimeFormat) }
	require.Equal(t, StatusOK, d.checkClock(date(0)).Status)
	require.Equal(t, StatusOK, d.checkClock(date(time.Minute)).Status)
	require.Equal(t, StatusWarn, d.checkClock(date(2*time.Minute)).Status)
	off := d.checkClock(date(-time.Hour))
	require.Equal(t, StatusWarn, off.Status)
	require.Equal(t, "this machine is 1h0m0s ahead of the API's time", off.Message)
	require.Equal(t, "this machine is 1h0m0s behind the API's time", d.checkClock(date(time.Hour)).Message)
	require.NotEmpty(t, off.Next)
	require.Equal(t, StatusWarn, d.checkClock("").Status)
}

func TestDatabaseThatOthersCanRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "v.db")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	d := newDoctor(t, map[string]string{"VPSBOT_DATABASE_URL": "sqlite:" + path})
	found, ready := d.checkFile()
	require.Equal(t, StatusOK, found.Status)
	require.True(t, ready)
	require.NoError(t, os.Chmod(path, 0o640))
	found, ready = d.checkFile()
	require.Equal(t, StatusFail, found.Status)
	require.False(t, ready, "opening it would narrow its mode")
	require.Equal(t, "Run: chmod 600 "+text.ShellWord(path), found.Next)
	d.env.GOOS = "windows"
	found, _ = d.checkFile()
	require.Equal(t, StatusOK, found.Status)
}

// A shared database that does not answer is brought back, not replaced; the key is not blamed for it.
func TestSharedDatabaseIsDown(t *testing.T) {
	t.Parallel()
	d := newDoctor(t, map[string]string{"VPSBOT_DATABASE_URL": "postgres://vpsbot:hidden@127.0.0.1:1/vpsbot", "VPSBOT_KEY": "vpsbot_" + strings.Repeat("a", 52)})
	found := d.checkStore(t.Context())
	require.Len(t, found, 1)
	require.Equal(t, StatusFail, found[0].Status)
	require.Contains(t, found[0].Next, "Bring that database back")
	require.NotContains(t, found[0].Next, "VPSBOT_DATABASE_URL")
	require.Equal(t, warn("identity", "not read: the store does not answer", ""), d.checkIdentity(t.Context()))
}

func TestConfigurationWithUnmatchedGlobs(t *testing.T) {
	t.Parallel()
	for globs, status := range map[string]string{"server.*": StatusFail, "plans.list,servers.lst": StatusWarn, "plans.list": StatusOK} {
		require.Equal(t, status, newDoctor(t, map[string]string{"VPSBOT_OPERATIONS": globs}).checkConfiguration().Status, globs)
	}
}

func TestConfigurationWithMetrics(t *testing.T) {
	t.Parallel()
	require.Equal(t, pass("configuration", "in order; vpsbot serve answers GET /metrics at 127.0.0.1:9484, to all who can reach that"),
		newDoctor(t, map[string]string{"VPSBOT_METRICS_LISTEN": "127.0.0.1:9484"}).checkConfiguration())
}

func TestLocalUsersInAUserNamespace(t *testing.T) {
	t.Parallel()
	d := newDoctor(t, nil)
	require.Empty(t, d.checkLocalUsers())
	d.Runner.Policy = func() permissions.Policy { return permissions.Policy{OneUser: true} }
	require.Contains(t, d.checkLocalUsers()[0].Message, "user namespace")
}

// Doctor calls serve as Slack would, and tells what lies between.
func TestDoctorCallsServe(t *testing.T) {
	t.Parallel()
	const ours = "8f742231b10e8888abcd998887770a51"
	of := func(secret string, now func() time.Time) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
		(&transport.HTTP{Secret: func() (string, error) { return secret, nil }, Now: now, Log: slog.New(slog.DiscardHandler)}).Routes(mux)
		return mux
	}
	only := func(path string, h http.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle(path, h)
		return mux
	}
	late := func() time.Time { return time.Now().Add(time.Hour) }
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>welcome</html>") })
	for name, test := range map[string]struct {
		there http.Handler
		want  []string // status and a part of the message, one after the other
	}{
		"serve itself":             {of(ours, time.Now), []string{StatusOK, "answers", StatusOK, "accepts requests that are signed with it"}},
		"serve of another secret":  {of("other", time.Now), []string{StatusOK, "answers", StatusFail, "its secret or its clock differs"}},
		"serve of another time":    {of(ours, late), []string{StatusOK, "answers", StatusFail, "its secret or its clock differs"}},
		"a page of somebody":       {page, []string{StatusFail, "not as vpsbot serve does (status 200)"}},
		"nothing there":            {http.NotFoundHandler(), []string{StatusFail, "status 404"}},
		"a proxy that lacks paths": {only("GET /healthz", of(ours, time.Now)), []string{StatusOK, "answers", StatusFail, "status 404"}},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(test.there)
			defer server.Close()
			d := newDoctor(t, map[string]string{"SLACK_SIGNING_SECRET": ours})
			got := d.callServe(t.Context(), server.URL)
			require.Len(t, got, len(test.want)/2)
			for i, f := range got {
				require.Equal(t, test.want[2*i], f.Status, "%+v", f)
				require.Contains(t, f.Message, test.want[2*i+1])
				require.NotContains(t, f.Message+f.Next, ours)
			}
		})
	}
}
