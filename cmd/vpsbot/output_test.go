package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"testing"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/cli"
	"github.com/vpsbot/vpsbot/internal/keys"
	"github.com/vpsbot/vpsbot/internal/store"
)

// widths are the terminals in which the commands of testdata/commands.txt run; 0 is a pipe.
var widths = []int{0, 40, 80, 160}

// played is a command of testdata/commands.txt.
type played struct {
	name     string
	env      []string
	words    []string
	dialogue string
	asks     bool // a script asks it, in a pipe: name is the variable for the approval
	anew     bool // with a new account and database
}

// readCommands reads testdata/commands.txt, which says how it is written.
func readCommands(t *testing.T) (commands []played) {
	t.Helper()
	raw, err := os.ReadFile("testdata/commands.txt")
	require.NoError(t, err)
	anew := true
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			anew = anew || strings.HasPrefix(line, "# --")
			continue
		}
		if line[0] == '<' || line[0] == '>' {
			commands[len(commands)-1].dialogue += line + "\n"
			continue
		}
		line, asks := strings.CutPrefix(line, "| ")
		name, rest, ok := strings.Cut(line, ": ")
		require.True(t, ok, line)
		c := played{name: name, words: splitPlain(rest), asks: asks, anew: anew}
		anew = false
		for len(c.words) > 0 && variable.MatchString(c.words[0]) {
			c.env, c.words = append(c.env, c.words[0]), c.words[1:]
		}
		require.False(t, slices.ContainsFunc(commands, func(other played) bool { return other.name == name }), "%s is there twice", name)
		commands = append(commands, c)
	}
	return commands
}

var variable = regexp.MustCompile(`^[A-Z_]+=`)

// The output of each command, in a pipe and in terminals, is that of testdata/output.
func TestOutputIsGolden(t *testing.T) {
	t.Parallel()
	commands := readCommands(t)
	screens := make([][]string, len(widths))
	t.Run("play", func(t *testing.T) {
		for i, columns := range widths {
			screens[i] = make([]string, len(commands))
			for start, end := 0, 0; start < len(commands); start = end {
				for end = start + 1; end < len(commands) && !commands[end].anew; end++ {
				}
				part := commands[start:end]
				t.Run(fmt.Sprintf("%d columns from %s", columns, part[0].name), func(t *testing.T) {
					t.Parallel()
					copy(screens[i][start:], newPlaying(t, columns).play(part))
				})
			}
		}
	})
	if t.Failed() {
		return
	}
	stale := goldens(t)
	for i, c := range commands {
		if c.asks {
			continue
		}
		path := filepath.Join("testdata", "output", c.name+".txt")
		delete(stale, path)
		sections := make([]string, len(widths))
		for j := range widths {
			sections[j] = screens[j][i]
		}
		got := goldenText(c, sections)
		checkFits(t, c, screens[1][i])
		if *update {
			require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
			continue
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err, "-update writes it")
		if at, wanted, line := firstDifference(string(want), got); at > 0 {
			t.Errorf("%s differs from its line %d on:\nwant: %s\ngot:  %s\nIf it is meant so: go test ./cmd/vpsbot -run TestOutputIsGolden -update, and look at the difference",
				path, at, wanted, line)
		}
	}
	for path := range stale {
		if *update {
			require.NoError(t, os.Remove(path))
		} else {
			t.Errorf("%s is of no command in testdata/commands.txt", path)
		}
	}
}

// firstDifference returns the number of the first line that differs, and both; 0 if there is none.
func firstDifference(want, got string) (at int, wanted, line string) {
	lines := strings.Split(got, "\n")
	for i, wanted := range strings.Split(want, "\n") {
		if i >= len(lines) || lines[i] != wanted {
			return i + 1, wanted, strings.Join(lines[min(i, len(lines)):min(i+1, len(lines))], "")
		}
	}
	if want != got {
		return strings.Count(want, "\n") + 1, "", "more"
	}
	return 0, "", ""
}

// goldens are the files in testdata/output.
func goldens(t *testing.T) map[string]bool {
	t.Helper()
	paths, err := filepath.Glob("testdata/output/*.txt")
	require.NoError(t, err)
	found := map[string]bool{}
	for _, path := range paths {
		found[path] = true
	}
	return found
}

// goldenText is a command and its output everywhere; a terminal that shows what the narrower one does says so.
func goldenText(c played, sections []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "$ %s\n", strings.Join(append(slices.Clone(c.env), append([]string{"vpsbot"}, c.words...)...), " "))
	for i, columns := range widths {
		title := "in a pipe"
		if columns > 0 {
			title = fmt.Sprintf("%d columns", columns)
		}
		fmt.Fprintf(&b, "\n======== %s\n", title)
		if columns > 40 && sections[i] == sections[i-1] {
			fmt.Fprintf(&b, "as with %d\n", widths[i-1])
			continue
		}
		b.WriteString(sections[i])
	}
	return b.String()
}

// playing is one run of the commands.
type playing struct {
	*sandbox
	t       *testing.T
	columns int
	dir     string
	ids     map[string]string // of approvals, by the variables of the commands
}

// teamPolicy is policy.yaml of the commands.
const teamPolicy = `version: 1
people:
  - {id: ada, keys: [ada]}
  - {id: lead, keys: [lead-laptop]}
  - {id: second, keys: [second-laptop]}
rules:
  - {name: all read, effect: allow, who: [ada, lead, second], risks: [read]}
  - {name: two delete, effect: allow, who: [lead, second], risks: [destructive], approvers: {count: 1, who: [lead, second]}}
tests:
  - {who: ada, where: terminal, operation: servers.list, want: allow}
  - {who: ada, where: terminal, operation: servers.reboot, server: web-server-01, want: deny}
`

// companyProfile is the profile company of the commands.
const companyProfile = "VPS_API_URL=https://vps.example.com/api/v1\nVPS_API_TOKEN=vps_of_the_company\nVPSBOT_READ_ONLY=true\n"

func newPlaying(t *testing.T, columns int) *playing {
	t.Helper()
	p := &playing{sandbox: newSandbox(t), t: t, columns: columns, dir: t.TempDir(), ids: map[string]string{}}
	for name, text := range map[string]string{"policy.yaml": teamPolicy, "wrong.yaml": "version: 1\nrules:\n  - {nme: all read, effect: perhaps}\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600))
	}
	p.sim.Edit(func(w *simulator.World) {
		w.Tokens["vps_reader"] = &simulator.Token{Name: "Reader", Permissions: []string{"servers:list", "account:read"}, CreatedAt: w.Account.CreatedAt}
		w.AddServer(simulator.Server{
			Name: "staging-frontend-eu-central-01", Hostname: "staging.example.com", Location: "eu-central", Status: simulator.Stopped,
			CreatedAt: w.Account.CreatedAt, UpdatedAt: w.Account.CreatedAt,
		})
	})
	config := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(config, "vpsbot", "profiles"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(config, "vpsbot", "profiles", "company.env"), []byte(companyProfile), 0o600))
	for name, value := range map[string]string{"TZ": "UTC", "NO_COLOR": "1", "PAGER": "cat", "XDG_CONFIG_HOME": config, "VPSBOT_KEYRING": "false"} {
		p.env[name] = value
	}
	p.addKey("ada")
	return p
}

// addKey makes an access key for the commands, whose outputs would otherwise name the user of this machine.
func (p *playing) addKey(name string) {
	db, err := store.Open(p.t.Context(), "sqlite:"+filepath.Join(p.env["XDG_STATE_HOME"], "vpsbot", "vpsbot.db"))
	require.NoError(p.t, err)
	secret, hash, err := keys.New(rand.Reader)
	require.NoError(p.t, err)
	row := audit.Row{At: time.Now(), Actor: "local:alice", Surface: "terminal", Operation: "keys.create", Target: name, Decision: audit.Allowed}
	require.NoError(p.t, db.Add(p.t.Context(), keys.Key{Name: name, Hash: hash, CreatedAt: time.Now()}, row))
	require.NoError(p.t, db.Close())
	p.env["VPSBOT_KEY"] = secret
}

// play runs the commands, and returns the output of each, with what differs from run to run replaced.
func (p *playing) play(commands []played) (screens []string) {
	for _, c := range commands {
		words := slices.Clone(c.words)
		for i, word := range words {
			if id, ok := strings.CutPrefix(word, "$"); ok {
				require.Contains(p.t, p.ids, id)
				words[i] = p.ids[id]
			}
		}
		if c.asks {
			_, errs, code := p.run(p.t.Context(), words...)
			require.Equal(p.t, 4, code, errs)
			p.ids[c.name] = newApproval.FindStringSubmatch(errs)[1]
			screens = append(screens, "")
			continue
		}
		cmd := p.command(p.t, words...)
		cmd.Env, cmd.Dir = append(cmd.Env, c.env...), p.dir
		screens = append(screens, p.output(c, cmd))
	}
	usual := p.usual()
	for i := range screens {
		screens[i] = usual(screens[i])
	}
	return screens
}

var newApproval = regexp.MustCompile(`approvals approve ([a-z2-7]{10,26})`)

// output runs a command, and returns what it prints and how it ends.
func (p *playing) output(c played, cmd *exec.Cmd) string {
	var stdout, stderr bytes.Buffer
	var err error
	shown := ""
	if p.columns == 0 {
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(typedText(c.dialogue)), &stdout, &stderr
		err = cmd.Run()
		shown = stdout.String()
		if errs := progress.ReplaceAllString(stderr.String(), ""); errs != "" {
			shown += "-------- stderr\n" + errs
		}
	} else {
		dialogue := parseDialogue(c.dialogue)
		if strings.HasPrefix(c.dialogue, "<") {
			dialogue = append([]step{{question: true}}, dialogue...)
		}
		shown, err = runDialogueAt(cmd, p.columns, dialogue)
		shown = overwritten.ReplaceAllString(strings.ReplaceAll(shown, "\r\n", "\n"), "")
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if err != nil && !ok {
		require.NoError(p.t, err, "%s: %s", c.name, shown)
	}
	if ok {
		require.GreaterOrEqual(p.t, exit.ExitCode(), 0, "%s waits for something: %s", c.name, shown)
		shown += fmt.Sprintf("[exit code %d]\n", exit.ExitCode())
	}
	return shown
}

// How a command waits depends on the machine: in a terminal these lines are written over.
var (
	progress    = regexp.MustCompile(`(?m)^[^\n]*: \w+ \(\d+ m?s\)\n`)
	overwritten = regexp.MustCompile(`\r\x1b\[K[^\r\n]*(\r\x1b\[K)`)
)

// typedText is what a dialogue types, as lines.
func typedText(dialogue string) string {
	var b strings.Builder
	for _, s := range parseDialogue(dialogue) {
		if !s.expect {
			b.WriteString(s.text + "\n")
		}
	}
	return b.String()
}

// usual returns what replaces all that differs from run to run, by something as wide.
func (p *playing) usual() func(string) string {
	out, errs, code := p.run(p.t.Context(), "approvals", "list", "--all", "--sort", "created_at", "-o", "name")
	require.Zero(p.t, code, errs)
	ids := strings.Fields(out)
	letter := func(word string) string {
		at := slices.IndexFunc(ids, func(id string) bool { return strings.HasPrefix(id, word) })
		if at < 0 {
			return word
		}
		return strings.Repeat(string(rune('g'+at%20)), len(word)) // no letter of a hash
	}
	api := strings.TrimSuffix(p.env["VPS_API_URL"], "/api/v1")
	plain := strings.NewReplacer(
		api, "http://127.0.0.1:8585", strings.TrimPrefix(api, "http://"), "127.0.0.1:8585",
		p.env["XDG_STATE_HOME"], "/home/ada/.local/state", p.env["XDG_CONFIG_HOME"], "/home/ada/.config", p.dir, "/home/ada/work",
	)
	return func(s string) string {
		s = plain.Replace(s)
		s = approvalID.ReplaceAllStringFunc(s, letter)
		for _, r := range usuals {
			s = r.what.ReplaceAllStringFunc(s, r.with)
		}
		return s
	}
}

var approvalID = regexp.MustCompile(`\b[a-z2-7]{6,26}\b`)

// usuals are what differs from run to run, and what stands for it.
var usuals = []struct {
	what *regexp.Regexp
	with func(string) string
}{
	{regexp.MustCompile(`(\d{4}-\d\d-\d\d[T ])?\d\d:\d\d(:\d\d)?(\.\d+)?`), usualTime},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d\b`), usualTime},
	{regexp.MustCompile(`\b[0-9a-f]{16,}\b`), func(s string) string { return strings.Repeat("f", len(s)) }},
	{regexp.MustCompile(`vpsbot_\w+`), func(s string) string { return "vpsbot_" + strings.Repeat("k", len(s)-7) }},
	{regexp.MustCompile(`http-[a-z2-7]{26}`), func(s string) string { return "http-" + strings.Repeat("a", len(s)-5) }},
	{regexp.MustCompile(`go1\.[\d.]+, \w+/\w+`), func(string) string { return "go1.26, linux/amd64" }},
	{regexp.MustCompile(`\(\d+ \w+ ago\)|\(in \d+ \w+\)|\(now\)`), func(string) string { return "(AGE)" }},
	{regexp.MustCompile(`\d+ days old`), func(string) string { return "999 days old" }},
	{regexp.MustCompile(`\bwithin \d+m?s\b`), func(string) string { return "within 9s" }},
	{regexp.MustCompile(` \d+ m?s\b`), func(string) string { return " 9 s" }},
	{regexp.MustCompile(` \d+ seconds?\b`), func(string) string { return " 9 seconds" }},
	{regexp.MustCompile(`\b1 hour\b|\b(59|60) minutes`), func(string) string { return "60 minutes" }},
	{regexp.MustCompile(`audit\+[0-9a-f]{8}\+[\w+/=]+`), func(s string) string { return "audit+ffffffff+" + strings.Repeat("k", len(s)-15) }},
	{regexp.MustCompile(`\b[0-9a-f]{8}\b`), func(string) string { return "ffffffff" }},
}

var digit = regexp.MustCompile(`\d`)

// usualTime replaces a time of today, or without a day, by a pattern. JSON leaves out the zeros behind a fraction.
func usualTime(s string) string {
	if len(s) >= len(time.DateOnly) {
		day, err := time.Parse(time.DateOnly, s[:len(time.DateOnly)])
		if err != nil || time.Since(day).Abs() > 48*time.Hour {
			return s
		}
	}
	s, _, _ = strings.Cut(s, ".")
	return digit.ReplaceAllString(s, "0")
}

// checkFits fails if a line of a table in a terminal of 40 columns is wider. Sentences and commands to copy are the
// terminal's to wrap, and so are doctor's findings, which have both.
func checkFits(t *testing.T, c played, screen string) {
	t.Helper()
	room := 40
	for _, setting := range c.env {
		if columns, ok := strings.CutPrefix(setting, "COLUMNS="); ok {
			room, _ = strconv.Atoi(columns)
		}
	}
	for line := range strings.Lines(colourCode.ReplaceAllString(screen, "")) {
		line = strings.TrimSuffix(line, "\n")
		if tableLine.MatchString(line) && !findingLine.MatchString(line) && runewidth.StringWidth(line) > room {
			t.Errorf("%s: this line is wider than %d columns: %s", c.name, room, line)
		}
	}
}

var colourCode = regexp.MustCompile(`\x1b\[\d*m`)

var (
	tableLine   = regexp.MustCompile(`^\S.*?(  +\S+){2,}`)
	findingLine = regexp.MustCompile(`^(ok  |warn|FAIL) `)
)

// unplayed are the commands that need not be in testdata/commands.txt.
var unplayed = map[string]string{
	"vpsbot serve": "a server", "vpsbot mcp": "a server", "vpsbot simulator": "a server",
	"vpsbot login":      "asks for a secret: login.txtar",
	"vpsbot completion": "for a shell", "vpsbot completion bash": "for a shell", "vpsbot completion fish": "for a shell",
	"vpsbot completion powershell": "for a shell", "vpsbot completion zsh": "for a shell",
}

// Each command that can be run is in testdata/commands.txt.
func TestOutputOfEveryCommand(t *testing.T) {
	t.Parallel()
	root := cli.Tree(nil)
	played := map[string]bool{}
	for _, c := range readCommands(t) {
		cmd, _, err := root.Find(c.words)
		if err == nil {
			played[cmd.CommandPath()] = true
		}
	}
	var missing []string
	walkCommands(root, func(cmd *cobra.Command) {
		path := cmd.CommandPath()
		if cmd.Runnable() && !played[path] && unplayed[path] == "" && !strings.HasPrefix(path, "vpsbot run ") {
			missing = append(missing, path)
		}
	})
	require.Empty(t, missing, "testdata/commands.txt lacks these commands")
}

// walkCommands calls visit with a command, and with all below it.
func walkCommands(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, sub := range cmd.Commands() {
		walkCommands(sub, visit)
	}
}
