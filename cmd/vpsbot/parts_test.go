package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func at(now time.Time) *app { return &app{now: func() time.Time { return now }} }

// Nobody may have noted yet that a record's time is over.
func TestStateOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		state, want approval.State
		expires     time.Time
	}{
		{approval.Pending, approval.Pending, noon.Add(time.Second)},
		{approval.Pending, approval.Expired, noon},
		{approval.Approved, approval.Approved, noon.Add(time.Second)},
		{approval.Approved, approval.Expired, noon.Add(-time.Second)},
		{approval.Executing, approval.Executing, noon.Add(-time.Second)},
		{approval.Unknown, approval.Unknown, noon.Add(-time.Second)},
		{approval.Done, approval.Done, noon.Add(-time.Second)},
	} {
		require.Equal(t, test.want, at(noon).stateOf(approval.Record{State: test.state, ExpiresAt: test.expires}))
	}
}

func TestFits(t *testing.T) {
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
		require.Equal(t, test.want, fits(test.text, test.name, test.yes), "%+v", test)
	}
}

// Only the asker may answer: whose process it is decides, not a variable.
func TestOwn(t *testing.T) {
	t.Parallel()
	p := &parts{actor: "local:alice", runner: &runner.Runner{Policy: func() permissions.Policy { return permissions.Policy{} }}}
	require.NoError(t, p.own(approval.Record{Actor: "local:alice"}))
	err := p.own(approval.Record{Actor: "local:bob", ID: "x"})
	require.EqualError(t, err, "only local:bob, who asked for it, can answer approval x; you are local:alice")
	require.Equal(t, 3, report(&bytes.Buffer{}, err))
}

// What was approved and then ended otherwise has the code of that end.
func TestApproveEndsWithTheOutcome(t *testing.T) {
	t.Parallel()
	a := &app{io: stdio{Out: &bytes.Buffer{}}}
	for state, code := range map[approval.State]int{
		approval.Done: 0, approval.Failed: 1, approval.Refused: 3, approval.Denied: 4, approval.Cancelled: 4, approval.Expired: 4,
		approval.Stale: 4, approval.Unknown: 5, approval.NotApplied: 1, approval.NeedsHuman: 5,
	} {
		require.Equal(t, code, report(&bytes.Buffer{}, a.tellOutcome(approval.Record{State: state, Operation: "servers.stop"})), state)
	}
}

func TestActorIsNotAVariable(t *testing.T) {
	before := localActor()
	t.Setenv("USER", "mallory")
	t.Setenv("LOGNAME", "mallory")
	require.Equal(t, before, localActor())
	require.NotEqual(t, permissions.Local("mallory"), before)
	require.NotEmpty(t, before)
}

func TestReadTime(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		"":                     {},
		"24h":                  noon.Add(-24 * time.Hour),
		"0s":                   noon,
		"2026-01-30T10:00:00Z": time.Date(2026, 1, 30, 10, 0, 0, 0, time.UTC),
		"2026-01-30":           time.Date(2026, 1, 30, 0, 0, 0, 0, time.Local),
	} {
		got, err := readTime(text, noon)
		require.NoError(t, err, text)
		require.True(t, want.Equal(got), text)
	}
	for _, text := range []string{"yesterday", "-1h", "2026-13-01", "30.1.2026"} {
		_, err := readTime(text, noon)
		require.Error(t, err, text)
	}
}

func FuzzReadTime(f *testing.F) {
	f.Add("24h")
	f.Add("2026-01-30")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := readTime(text, noon); err != nil {
			require.True(t, got.IsZero())
		}
	})
}

func TestShellWord(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"web-server-01": "web-server-01", "web01.example.com": "web01.example.com", "": "''", "two words": "'two words'",
		"it's": `'it'\''s'`, "a;b": "'a;b'", "$HOME": "'$HOME'",
		"a b": "'a b'", "-x": "-x",
	} {
		require.Equal(t, want, shellWord(word))
	}
}

// Examples are command lines that the command itself understands.
func TestExamplesAreUnderstood(t *testing.T) {
	t.Parallel()
	for _, op := range tools.Operations() {
		for _, raw := range op.Examples {
			b := newBench(t)
			b.env["VPS_API_URL"] = "simulator"
			line := commandLine(op, raw)
			args := splitPlain(line)[1:]
			if !op.IsRead() {
				args = append(args, "--dry-run")
			}
			b.env["VPS_API_TOKEN"] = "vps_demo"
			_, errs, code := b.run(t.Context(), args...)
			require.NotContains(t, errs, "unknown flag", line)
			require.NotContains(t, errs, "is missing", line)
			require.NotContains(t, errs, "takes", line)
			require.Contains(t, []int{0, 2}, code, "%s: %s", line, errs) // 2: an example's id need not exist
		}
	}
}

// splitPlain splits a line whose only quotes are single ones.
func splitPlain(line string) []string {
	var words []string
	word, quoted, any := "", false, false
	for _, c := range line {
		switch {
		case c == '\'':
			quoted, any = !quoted, true
		case c == ' ' && !quoted:
			words = append(words, word)
			word, any = "", false
		default:
			word += string(c)
		}
	}
	if word != "" || any {
		words = append(words, word)
	}
	return words
}

func TestClock(t *testing.T) {
	t.Parallel()
	a := at(noon)
	date := func(d time.Duration) string { return noon.Add(d).Format(time.RFC1123) }
	gmt := func(s string) string { return s[:len(s)-3] + "GMT" }
	require.Equal(t, statusOK, a.checkClock(gmt(date(0))).Status)
	require.Equal(t, statusOK, a.checkClock(gmt(date(time.Minute))).Status)
	require.Equal(t, statusWarn, a.checkClock(gmt(date(2*time.Minute))).Status)
	off := a.checkClock(gmt(date(-time.Hour)))
	require.Equal(t, statusWarn, off.Status)
	require.Equal(t, "this machine is 1h0m0s ahead of the API's time", off.Message)
	require.Equal(t, "this machine is 1h0m0s behind the API's time", a.checkClock(gmt(date(time.Hour))).Message)
	require.NotEmpty(t, off.Next)
	require.Equal(t, statusWarn, a.checkClock("").Status)
}

func TestDatabaseThatOthersCanRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "v.db")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	cfg, err := config.Read(t.Context(), envconfig.MapLookuper(map[string]string{"VPSBOT_DATABASE_URL": "sqlite:" + path}), "linux")
	require.NoError(t, err)
	p := &parts{config: cfg}
	a := &app{goos: "linux"}
	found, ready := a.checkFile(p)
	require.Equal(t, statusOK, found.Status)
	require.True(t, ready)
	require.NoError(t, os.Chmod(path, 0o640))
	found, ready = a.checkFile(p)
	require.Equal(t, statusFail, found.Status)
	require.False(t, ready, "opening it would narrow its mode unasked")
	require.Equal(t, "Run: chmod 600 "+shellWord(path), found.Next)
	found, _ = (&app{goos: "windows"}).checkFile(p)
	require.Equal(t, statusOK, found.Status)
}

func TestIdleGlob(t *testing.T) {
	t.Parallel()
	require.Empty(t, idleGlob(nil))
	require.Empty(t, idleGlob([]string{"*", "servers.*", "plans.list"}))
	require.Equal(t, "server.*", idleGlob([]string{"plans.list", "server.*"}))
	cfg, err := config.Read(t.Context(), envconfig.MapLookuper(map[string]string{"VPSBOT_OPERATIONS": "server.*"}), "linux")
	require.NoError(t, err)
	require.Equal(t, broken("configuration", `nothing can be run: VPSBOT_OPERATIONS: "server.*" fits no operation; did you mean servers.*?`, namesAll), checkConfiguration(cfg))
	cfg, err = config.Read(t.Context(), envconfig.MapLookuper(map[string]string{"VPSBOT_OPERATIONS": "plans.list,servers.lst"}), "linux")
	require.NoError(t, err)
	found := checkConfiguration(cfg)
	require.Equal(t, statusWarn, found.Status)
	require.Contains(t, found.Message, "did you mean servers.list?")
	require.Equal(t, `VPSBOT_OPERATIONS: "wibble" fits no operation`, idleHint([]string{"wibble"}))
}

func TestSimulatorSaysHowToUseIt(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"127.0.0.1": "VPS_API_URL=http://127.0.0.1:8585/api/v1 VPS_API_TOKEN=vps_demo vpsbot run servers.list",
		"0.0.0.0":   "VPS_API_URL=http://127.0.0.1:8585/api/v1 VPS_API_TOKEN=vps_demo vpsbot run servers.list",
		"::":        "VPS_API_URL=http://127.0.0.1:8585/api/v1 VPS_API_TOKEN=vps_demo vpsbot run servers.list",
		"::1":       "VPS_API_URL=http://[::1]:8585/api/v1 VPS_API_TOKEN=vps_demo vpsbot run servers.list",
	} {
		var out bytes.Buffer
		a := &app{io: stdio{Out: &out}}
		require.NoError(t, a.introduce(&net.TCPAddr{IP: net.ParseIP(addr), Port: 8585}))
		require.Contains(t, out.String(), want)
		require.Equal(t, net.ParseIP(addr).IsUnspecified(), strings.Contains(out.String(), "listens to the whole network, at ["+addr+"]:8585") ||
			strings.Contains(out.String(), "listens to the whole network, at "+addr+":8585"))
		for _, token := range []string{"vps_demo", "vps_readonly", "vps_expiring"} {
			require.Contains(t, out.String(), token)
		}
	}
}

func TestDaysLeft(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for left, want := range map[time.Duration]string{
		-time.Hour: "less than a day", time.Minute: "less than a day", day: "1 day", day + time.Second: "2 days",
		5*day - time.Second: "5 days", 5 * day: "5 days",
	} {
		require.Equal(t, want, daysLeft(left))
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
		{fail(runner.Refuse, "no"), "vpsbot: no\n", 3},
		{fmt.Errorf("outer: %w", fail(runner.Lost, "inner")), "vpsbot: outer: inner\n", 5},
		{fail(runner.Invalid, "--a\x1b[2J\r\u0085b"), "vpsbot: --a[2Jb\n", 2},
		{fail(runner.Waiting, ""), "", 4},
	} {
		var shown bytes.Buffer
		require.Equal(t, test.code, report(&shown, test.err))
		require.Equal(t, test.want, shown.String())
	}
}

// Without a terminal there is a line for each change, not for each look.
func TestProgressInAPipe(t *testing.T) {
	t.Parallel()
	var shown bytes.Buffer
	op, _ := tools.Lookup("servers.reboot")
	r := &operationRun{app: &app{io: stdio{Err: &shown}, env: envconfig.MapLookuper(nil)}, op: op}
	show := r.progress()
	for i, status := range []string{"rebooting", "rebooting", "active"} {
		show(status, time.Duration(i)*time.Second)
	}
	r.endProgress()
	require.Equal(t, "servers.reboot: rebooting (0s)\nservers.reboot: active (2s)\n", shown.String())
}

func TestProgressInATerminal(t *testing.T) {
	t.Parallel()
	var shown bytes.Buffer
	op, _ := tools.Lookup("servers.reboot")
	r := &operationRun{app: &app{io: stdio{Err: &shown, ErrTerminal: true}, env: envconfig.MapLookuper(nil)}, op: op}
	r.progress()("rebooting", time.Second)
	require.Equal(t, "\r\x1b[Kservers.reboot: rebooting (1s)", shown.String())
	r.endProgress()
	require.Equal(t, "\r\x1b[Kservers.reboot: rebooting (1s)\r\x1b[K", shown.String())
}
