package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text, name string
		yes, want  bool
	}{
		{"y", "", true, true},
		{"YES", "", true, true},
		{"", "", true, false},
		{"no", "", true, false},
		{"web", "web", true, true},
		{"Web", "web", true, false},
		{"y", "web", true, false},
		{"", "web", true, false},
		{"web", "web", false, true},
		{"y", "web", false, true},
		{"n", "web", false, false},
		{"", "web", false, false},
	} {
		require.Equal(t, test.want, answers(test.text, test.name, test.yes), "%+v", test)
	}
}

// Only the requester may answer.
func TestCheckOwn(t *testing.T) {
	t.Parallel()
	s := &session{App: &app.App{Actor: "local:alice", Runner: &runner.Runner{Policy: func() permissions.Policy { return permissions.Policy{} }}}}
	require.NoError(t, s.checkOwn(approval.Record{Actor: "local:alice"}))
	err := s.checkOwn(approval.Record{Actor: "local:bob", ID: "x"})
	require.EqualError(t, err, "only local:bob, who asked for it, can answer approval x; you are local:alice")
	require.Equal(t, 3, Report(&bytes.Buffer{}, err))
}

// approve ends with the exit code of the outcome.
func TestApproveExitCodes(t *testing.T) {
	t.Parallel()
	s := &session{cli: &cli{Environment: &app.Environment{Catalogue: tools.Default}, io: IO{Out: &bytes.Buffer{}}}}
	for state, code := range map[approval.State]int{
		approval.Done: 0, approval.Failed: 1, approval.Refused: 3, approval.Denied: 4, approval.Cancelled: 4, approval.Expired: 4,
		approval.Stale: 4, approval.Unknown: 5, approval.NotApplied: 1, approval.NeedsHuman: 5,
	} {
		require.Equal(t, code, Report(&bytes.Buffer{}, s.printOutcome(approval.Record{State: state, Operation: "servers.stop"})), state)
	}
}

// What no serve has taken up may still run: it says when, and how the yes is taken back.
func TestNotEnded(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rec  approval.Record
		want string
	}{
		{approval.Record{State: approval.Approved, Session: approval.ServeSession}, "It runs when one starts, until 2026-01-31 12:00:00 UTC. To take the yes back: vpsbot approvals deny x"},
		{approval.Record{State: approval.Approved, Session: "a process"}, "it has not ended yet"},
		{approval.Record{State: approval.Executing, Session: approval.ServeSession}, "it has not ended yet"},
	} {
		test.rec.ID, test.rec.ExpiresAt = "x", noon
		err := notEnded(test.rec)
		require.ErrorContains(t, err, test.want)
		require.Equal(t, 5, Report(&bytes.Buffer{}, err))
	}
}

func TestMissingText(t *testing.T) {
	t.Parallel()
	rec := approval.Record{Actor: "key:lead-laptop", Approvers: "oncall"}
	require.Equal(t, "key:lead-laptop, who asked; and another person (oncall)", missingText(rec, approval.Quorum{Own: true, Others: 1}))
	require.Equal(t, "2 other people (anybody who may do this there)", missingText(approval.Record{}, approval.Quorum{Others: 2}))
}

func TestReadTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"": {}, "24h": now.Add(-24 * time.Hour), "90m": now.Add(-90 * time.Minute), "0s": now, "7d": now.AddDate(0, 0, -7),
		"2026-01-31T14:00:00Z": time.Date(2026, 1, 31, 14, 0, 0, 0, time.UTC),
		"2026-01-31":           time.Date(2026, 1, 31, 0, 0, 0, 0, time.Local),
	} {
		got, err := audit.ParseTime(text, now)
		require.NoError(t, err, text)
		require.True(t, want.Equal(got), "%s: %s", text, got)
	}
	for _, text := range []string{"-1h", "d", "-7d", "1.5d", "99999d", "yesterday", "2026-13-01", "30.1.2026", "1"} {
		_, err := audit.ParseTime(text, now)
		require.Error(t, err, text)
	}
}

func FuzzReadTime(f *testing.F) {
	f.Add("24h")
	f.Add("2026-01-30")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := audit.ParseTime(text, noon); err != nil {
			require.True(t, got.IsZero())
		}
	})
}

func TestReadExpiry(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		"": {}, "90d": noon.Add(90 * 24 * time.Hour), "12h": noon.Add(12 * time.Hour), "2026-02-01T00:00:00Z": time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC),
	} {
		at, err := readExpiry(text, noon)
		require.NoError(t, err, text)
		require.True(t, want.Equal(at), text)
	}
	for _, text := range []string{"0d", "0s", "-1h", "2020-01-01", "soon", "2026-13-01", " "} {
		_, err := readExpiry(text, noon)
		require.Error(t, err, text)
	}
}

func FuzzReadExpiry(f *testing.F) {
	f.Add("90d")
	f.Add("2027-01-31")
	f.Fuzz(func(t *testing.T, text string) {
		if at, err := readExpiry(text, noon); err == nil && text != "" {
			require.True(t, at.After(noon))
		}
	})
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	run := func(args ...string) int {
		args = append([]string{"run", "servers.reboot", "web-server-01", "--dry-run"}, args...)
		err := Run(t.Context(), args, envconfig.MapLookuper(map[string]string{"VPS_API_URL": "simulator"}), IO{Out: io.Discard, Err: io.Discard})
		return Report(io.Discard, err)
	}
	for id, ok := range map[string]bool{
		"deploy-17": true, "a b": true, "ü": true, strings.Repeat("x", 128): true,
		"": false, strings.Repeat("x", 129): false, "a\nb": false, "\x1b[2J": false, "\xff": false, "\u202e": false, strings.Repeat("\U0001f600", 128): false,
	} {
		require.Equal(t, ok, run("--request-id", id) != 2, "%q", id)
	}
	require.NotEqual(t, 2, run())
}

func TestSimulatorGreeting(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"127.0.0.1": "VPS_API_URL=http://127.0.0.1:8585/api/v1 VPS_API_TOKEN=vps_demo vpsbot servers list",
		"0.0.0.0":   "VPS_API_URL=http://127.0.0.1:8585/api/v1 VPS_API_TOKEN=vps_demo vpsbot servers list",
		"::":        "VPS_API_URL=http://127.0.0.1:8585/api/v1 VPS_API_TOKEN=vps_demo vpsbot servers list",
		"::1":       "VPS_API_URL=http://[::1]:8585/api/v1 VPS_API_TOKEN=vps_demo vpsbot servers list",
	} {
		out := greeting(&net.TCPAddr{IP: net.ParseIP(addr), Port: 8585})
		require.Contains(t, out, want)
		require.Equal(t, net.ParseIP(addr).IsUnspecified(), strings.Contains(out, "listens to the whole network, at ["+addr+"]:8585") ||
			strings.Contains(out, "listens to the whole network, at "+addr+":8585"))
		for _, token := range []string{"vps_demo", "vps_readonly", "vps_expiring"} {
			require.Contains(t, out, token)
		}
	}
}

func TestReportIsOneCleanLine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want string
		code int
	}{
		{nil, "", 0},
		{errors.New("the disk is full"), "vpsbot: the disk is full\n", 1},
		{app.Errorf(runner.Refuse, "no"), "vpsbot: no\n", 3},
		{fmt.Errorf("outer: %w", app.Errorf(runner.Lost, "inner")), "vpsbot: outer: inner\n", 5},
		{app.Errorf(runner.Invalid, "--a\x1b[2J\r\u0085b"), "vpsbot: --a[2Jb\n", 2},
		{app.Errorf(runner.Waiting, ""), "", 4},
	} {
		var shown bytes.Buffer
		require.Equal(t, test.code, Report(&shown, test.err))
		require.Equal(t, test.want, shown.String())
	}
}

// Without a terminal there is a line for each change.
func TestProgressInAPipe(t *testing.T) {
	t.Parallel()
	var shown bytes.Buffer
	op, _ := tools.Default.Lookup("servers.reboot")
	r := &operationRun{session: testSession(IO{Err: &shown}), op: op}
	r.record.Store(&approval.Record{Operation: op.Name, TargetName: "web-1"})
	show := r.progress()
	for i, status := range []string{"rebooting", "rebooting", "active"} {
		show(status, time.Duration(i)*time.Second)
	}
	require.Equal(t, "reboot web-1: rebooting (1 s)\nreboot web-1: active (2 s)\n", shown.String())
}

func testSession(io IO) *session {
	return &session{cli: &cli{Environment: app.NewEnvironment(envconfig.MapLookuper(nil), io.Err), io: io}}
}

// A panic in the goroutine of the call is passed on.
func TestPanicInACallIsCaught(t *testing.T) {
	t.Parallel()
	r := &operationRun{session: testSession(IO{})}
	require.PanicsWithValue(t, "broken", func() {
		defer func() { panic(recover().(capturedPanic).value) }()
		r.runInterruptible(t.Context(), func() runner.Reply { panic("broken") })
	})
}

// A panic is an error of one line, without secrets.
func TestPanicIsOneLine(t *testing.T) {
	t.Parallel()
	const secret = "vps_hush+4711/x"
	env := app.NewEnvironment(envconfig.MapLookuper(map[string]string{"VPS_API_TOKEN": secret}), io.Discard)
	c := &cli{Environment: env}
	err := c.redact(c.panicError("token "+secret, []byte("goroutine 1")))
	require.ErrorContains(t, err, "an internal error: token [redacted]")
	var shown bytes.Buffer
	require.Equal(t, 1, Report(&shown, err))
	require.Equal(t, 1, strings.Count(shown.String(), "\n"))
}

func eachCommand(cmd *cobra.Command, do func(*cobra.Command)) {
	do(cmd)
	for _, sub := range cmd.Commands() {
		eachCommand(sub, do)
	}
}

func TestEachCommandAndFlagHasHelp(t *testing.T) {
	t.Parallel()
	c := testSession(IO{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}})
	root, seen := rootCommand(c.cli, nil), 0
	c.addPages(root)
	eachCommand(root, func(cmd *cobra.Command) {
		require.NotEmpty(t, cmd.Short, cmd.CommandPath())
		cmd.Flags().VisitAll(func(flag *pflag.Flag) {
			seen++
			require.NotEmpty(t, flag.Usage, "%s --%s", cmd.CommandPath(), flag.Name)
		})
	})
	require.Greater(t, seen, 100)
	for _, cmd := range root.Commands() {
		require.True(t, cmd.GroupID != "" || cmd.IsAdditionalHelpTopicCommand(), cmd.Name())
	}
}

// The person who names a server may be another than the one who completes.
func TestTypeable(t *testing.T) {
	t.Parallel()
	server := func(name string) apiclient.Server { return apiclient.Server{Name: name} }
	for _, name := range []string{
		"", "12345", "6f9619ff-8b86-d011-b42d-00cf4fc964ff", "-rf", "--yes", "_activeHelp_ press return", "_activeHelp_x", ":4", "two words",
		"a;b", "$(reboot)", "a`b`", "a\tb", "web\u202e", "~", "a*", "a=b", "a\\b", "a'b", "@file",
	} {
		require.Empty(t, typeable([]apiclient.Server{server(name)}), "%q", name)
	}
	require.Equal(t, []string{"web-1", "db.example.com"},
		typeable([]apiclient.Server{server("web-1"), server("twin"), server("db.example.com"), server("twin")}))
}
