package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFigureFromLogLine(t *testing.T) {
	output := "=== RUN   TestX\n    x_test.go:42: figure 5: 4000 forged | approvals, 0 accepted (seed 17)\n--- PASS: TestX (0.35s)\n" +
		"    y_test.go:1: figure 12: all killed (nothing random)\n"
	found, err := steps[0].figures(output)
	require.NoError(t, err)
	require.Equal(t, []figure{
		{5, "4000 forged | approvals, 0 accepted", steps[0].command(), "17"},
		{12, "all killed", steps[0].command(), "none"},
	}, found)
}

func TestFigureNeedsPassingTests(t *testing.T) {
	s := step{args: []string{"go"}, number: 8, tests: []string{"TestA", "TestB"}, text: "in %s s, %s ms", units: []string{"s/1M", "ms"}}
	for output, wrong := range map[string]string{
		"--- PASS: TestA (0.1s)":                            "TestB did not pass",
		"--- PASS: TestA (0s)\n--- FAIL: TestB (0s)":        "TestB did not pass",
		"--- PASS: TestA (0s)\n--- PASS: TestBoth (0s)":     "TestB did not pass",
		"--- PASS: TestA (0s)\n--- PASS: TestB (0s)\n3 s/1": "nothing was measured",
	} {
		_, err := s.figures(output)
		require.ErrorContains(t, err, wrong, output)
	}
	found, err := s.figures("--- PASS: TestA (0s)\n--- PASS: TestB (0s)\nBenchmarkX-2  10  99 ns/op  8 idle-ms  1.27 s/1M  3.5 ms\n")
	require.NoError(t, err)
	require.Equal(t, "in 1.27 s, 3.5 ms", found[0].text)
}

func TestPageNeedsEveryFigure(t *testing.T) {
	var all []figure
	for n := last; n > 0; n-- {
		all = append(all, figure{number: n, text: fmt.Sprint("a|b ", n), command: "go test", seed: "7"})
	}
	text, err := write(all, "linux/amd64")
	require.NoError(t, err)
	require.Contains(t, text, "Written on: linux/amd64.")
	require.Contains(t, text, "| 3 | a\\|b 3 | `go test` | 7 |\n| 4 |")
	require.Equal(t, last+2, strings.Count(text, "\n|"))
	for n := range all {
		_, err := write(append(append([]figure{}, all[:n]...), all[n+1:]...), "")
		require.ErrorContains(t, err, "was not found")
	}
}
