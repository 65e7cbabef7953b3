package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// step is one command, and how its output becomes figures.
type step struct {
	env, args []string
	tests     []string // that must pass, for a step that logs no figure
	number    int      // of the figure; 0: the tests log their figures
	text      string   // of the figure; each %s is the measure in the next of units
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
		text: "each of 1,000 rows flipped in each field, dropped, swapped with the next, cut off after, chained anew from: always found, the first bad row named; a million rows verified in %s s (nothing random)",
	},
	{
		args:  strings.Fields("go test -count=1 -v -run=TestPolicyMatrix ./cmd/vpsbot"),
		tests: []string{"TestPolicyMatrix"}, number: 9,
		text: "5 roles × all operations × 3 places, as a [table](../cmd/vpsbot/testdata/policy/matrix.txt) that the test holds (nothing random)",
	},
	{
		env: []string{"VPSBOT_PROOF=full"}, args: strings.Fields("go test -count=1 -timeout=60m -v -run=TestFigure ./slackbot"),
	},
	{
		env: []string{"VPSBOT_BENCH=full"}, args: strings.Fields("go test -run=NONE -bench=Acknowledged -benchtime=1x ./slackbot"),
		number: 13, units: []string{"hanging-p99-ms", "p99-ms", "idle-p99-ms"},
		text: "commands at 1,000 a second, each durable when it is acknowledged: 99 of 100 within %s ms for 5 seconds while VPS.org hangs, within %s ms for 60 seconds while all are carried out once (%s ms where the same requests go to a handler that does nothing) (nothing random)",
	},
}

// last is the number of the last figure.
const last = 21

// figure is one row of the page.
type figure struct {
	number  int
	text    string
	command string
	seed    string
}

var (
	logged = regexp.MustCompile(`figure (\d+): (.*)`)
	seeded = regexp.MustCompile(`\(?\bseed[ =](\d+)\)?`)
)

// figures reads the figures from the output of a step.
func (s step) figures(output string) (found []figure, err error) {
	if s.number == 0 {
		for _, m := range logged.FindAllStringSubmatch(output, -1) {
			if number, err := strconv.Atoi(m[1]); err == nil {
				found = append(found, s.figure(number, m[2]))
			}
		}
		return found, nil
	}
	for _, test := range s.tests {
		if !strings.Contains(output, "--- PASS: "+test+" ") {
			return nil, fmt.Errorf("%s did not pass", test)
		}
	}
	measures := make([]any, len(s.units))
	for i, unit := range s.units {
		m := regexp.MustCompile(`([0-9.e+-]+) ` + regexp.QuoteMeta(unit) + `\b`).FindStringSubmatch(output)
		if m == nil {
			return nil, fmt.Errorf("nothing was measured in %s", unit)
		}
		measures[i] = m[1]
	}
	return []figure{s.figure(s.number, fmt.Sprintf(s.text, measures...))}, nil
}

// figure moves the seed from the text to its own column.
func (s step) figure(number int, text string) figure {
	f := figure{number: number, text: text, command: s.command(), seed: "none"}
	if m := seeded.FindStringSubmatch(text); m != nil {
		f.seed, f.text = m[1], strings.Replace(text, m[0], "", 1)
	}
	f.text = strings.TrimRight(strings.ReplaceAll(f.text, " (nothing random)", ""), " ,;")
	return f
}

const heading = `# Proof

What vpsbot promises under kill, race, replay and forgery, as counted by the tests that show it. ` + "`make proof`" + ` runs them all at
full size and writes this page; every ordinary test run has each of them at a smaller size. A seed repeats a run:
` + "`VPSBOT_SEED=…`" + ` before the command.

Written on: `

// write formats the page. It fails if a figure is missing.
func write(figures []figure, machine string) (string, error) {
	slices.SortStableFunc(figures, func(a, b figure) int { return cmp.Compare(a.number, b.number) })
	var b strings.Builder
	b.WriteString(heading + machine + ".\n\n| # | what was counted | command | seed |\n|---|---|---|---|\n")
	for _, f := range figures {
		fmt.Fprintf(&b, "| %d | %s | `%s` | %s |\n", f.number, strings.ReplaceAll(f.text, "|", `\|`), f.command, f.seed)
	}
	for n := range last {
		if !slices.ContainsFunc(figures, func(f figure) bool { return f.number == n+1 }) {
			return "", fmt.Errorf("figure %d was not found", n+1)
		}
	}
	return b.String(), nil
}
