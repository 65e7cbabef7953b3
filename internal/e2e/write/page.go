package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// step is one command, and how what it says becomes figures.
type step struct {
	env, args []string
	tests     []string // that must have passed, for a step that logs no figure itself
	number    int      // of the figure that these show
	says      string   // of it; each %s is the measure of the next of units
	units     []string
}

var steps = []step{
	{
		env: []string{"VPSBOT_PROOF=full"}, args: strings.Fields("go test -count=1 -timeout=60m -v ./internal/e2e"),
	},
	{
		args:   strings.Fields("go test -count=1 -v -run=TestEvery -bench=Verify ./internal/audit"),
		tests:  []string{"TestEveryFlippedFieldIsFound", "TestEveryDroppedRowIsFound", "TestEverySwapIsFound", "TestEveryCutOffIsFound", "TestEveryRewrittenEndIsFound"},
		number: 8, units: []string{"s/1M-rows"},
		says: "each of 1,000 rows flipped in each field, dropped, swapped with the next, cut off after, chained anew from: always found, the first bad row named; a million rows verified in %s s (nothing random)",
	},
	{
		args:  strings.Fields("go test -count=1 -v -run=TestPolicyMatrix ./cmd/vpsbot"),
		tests: []string{"TestPolicyMatrix"}, number: 9,
		says: "5 roles × all operations × 3 places, as a [table](../cmd/vpsbot/testdata/policy/matrix.txt) that the test holds (nothing random)",
	},
	{
		env: []string{"VPSBOT_PROOF=full"}, args: strings.Fields("go test -count=1 -timeout=60m -v -run=TestFigure ./slackbot"),
	},
	{
		args:   strings.Fields("go test -run=NONE -bench=Acknowledged -benchtime=5000x ./slackbot"),
		number: 13, units: []string{"p99-ms", "idle-p99-ms"},
		says: "5000 commands at 1,000 a second while VPS.org hangs, each durable when it is acknowledged: 99 of 100 within %s ms (%s ms where the same requests go to a handler that does nothing) (nothing random)",
	},
}

// last is the number of the last figure.
const last = 19

// figure is one thing that was shown.
type figure struct {
	number  int
	says    string
	command string
	seed    string
}

var (
	logged = regexp.MustCompile(`figure (\d+): (.*)`)
	seeded = regexp.MustCompile(`\(?\bseed[ =](\d+)\)?`)
)

// figures reads what a step has shown out of what it said.
func (s step) figures(said string) (shown []figure, err error) {
	if s.number == 0 {
		return s.logged(said), nil
	}
	for _, test := range s.tests {
		if !strings.Contains(said, "--- PASS: "+test+" ") {
			return nil, fmt.Errorf("%s did not pass", test)
		}
	}
	measures := make([]any, len(s.units))
	for i, unit := range s.units {
		m := regexp.MustCompile(`([0-9.e+-]+) ` + regexp.QuoteMeta(unit) + `\b`).FindStringSubmatch(said)
		if m == nil {
			return nil, fmt.Errorf("nothing was measured in %s", unit)
		}
		measures[i] = m[1]
	}
	return []figure{s.figure(s.number, fmt.Sprintf(s.says, measures...))}, nil
}

func (s step) logged(said string) (shown []figure) {
	for _, m := range logged.FindAllStringSubmatch(said, -1) {
		if number, err := strconv.Atoi(m[1]); err == nil {
			shown = append(shown, s.figure(number, m[2]))
		}
	}
	return shown
}

// figure takes the seed out of a line into a column of its own.
func (s step) figure(number int, says string) figure {
	f := figure{number: number, says: says, command: s.command(), seed: "none"}
	if m := seeded.FindStringSubmatch(says); m != nil {
		f.seed, f.says = m[1], strings.Replace(says, m[0], "", 1)
	}
	f.says = strings.TrimRight(strings.ReplaceAll(f.says, " (nothing random)", ""), " ,;")
	return f
}

const heading = `# Proof

What vpsbot promises under kill, race, replay and forgery, as counted by the tests that show it. ` + "`make proof`" + ` runs them all at
full size and writes this page; every ordinary test run has each of them at a smaller size. A seed repeats a run:
` + "`VPSBOT_SEED=…`" + ` before the command.

Written on: `

// write makes the page, or fails if a figure is missing.
func write(figures []figure, machine string) (string, error) {
	slices.SortStableFunc(figures, func(a, b figure) int { return cmp.Compare(a.number, b.number) })
	var b strings.Builder
	b.WriteString(heading + machine + ".\n\n| # | what was counted | command | seed |\n|---|---|---|---|\n")
	missing := map[int]bool{}
	for n := range last {
		missing[n+1] = true
	}
	for _, f := range figures {
		delete(missing, f.number)
		fmt.Fprintf(&b, "| %d | %s | `%s` | %s |\n", f.number, strings.ReplaceAll(f.says, "|", `\|`), f.command, f.seed)
	}
	for n := range last {
		if missing[n+1] {
			return "", fmt.Errorf("figure %d was not shown", n+1)
		}
	}
	return b.String(), nil
}
