package policy_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/policy"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

func TestPolicyLimits(t *testing.T) {
	within := rule(`effect: allow, who: ["*"]`)
	for name, c := range map[string]struct{ text, says string }{
		"as deep as a policy is": {"version: 1\nrules:\n- name: a\n  effect: allow\n  who:\n  - '*'\n  approvers:\n    count: 1\n", ""},
		"deep in brackets":       {within + "\ntests: " + strings.Repeat("[", 9), "more than 8 lists and keys are inside each other"},
		"deep by dashes":         {"a:\n" + strings.Repeat("- ", 9), "more than 8 lists and keys are inside each other"},
		"deep by indentation":    {indented(9), "more than 8 lists and keys are inside each other"},
		"both":                   {"a:\n  b:\n    c:\n      - [[{x: [[1]]}]]", "more than 8 lists and keys are inside each other"},
		"too many words":         {"version: 1\npeople: [" + strings.Repeat("a,", 200_001) + "]", "the file has over 200000 words"},
		"a laugh":                {laughs(), "an unquoted * or & stands here"},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			_, err := policy.Load([]byte(c.text), operations)
			require.Less(t, time.Since(began), 20*time.Second)
			if c.says == "" {
				require.NotContains(t, fmt.Sprint(err), "inside each other")
				return
			}
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "\n", "it is said once")
		})
	}
}

func indented(depth int) string {
	var b strings.Builder
	for i := range depth {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// laughs is a file of which each line means ten of the one before.
func laughs() string {
	text := "a0: &a0 [x]\n"
	for i := range 9 {
		text += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i), 10), ","))
	}
	return text
}

// stuck is a log that takes nothing until it is let go on.
type stuck struct {
	slog.Handler
	at, goOn chan bool
}

func (s stuck) Handle(context.Context, slog.Record) error {
	s.at <- true
	<-s.goOn
	return nil
}

// One call reads a file that has changed, good or bad, however long that takes. Nobody else waits for it.
func TestReloadBlocksNobody(t *testing.T) {
	for name, changed := range map[string]string{"good": rule(`effect: allow, who: ["*"], risks: [read]`), "bad": "version: 2"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "policy.yaml")
			require.NoError(t, os.WriteFile(path, []byte(rule(`effect: allow, who: ["*"]`)), 0o600))
			var passed atomic.Int64
			log := stuck{slog.NewTextHandler(io.Discard, nil), make(chan bool), make(chan bool)}
			f, err := policy.Open(path, policy.Options{
				Operations: operations, Now: func() time.Time { return time.Unix(passed.Load(), 0) }, Log: slog.New(log),
			})
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, []byte(changed), 0o600))
			passed.Add(3600)
			var reading sync.WaitGroup
			reading.Go(func() { f.Policy() })
			<-log.at
			passed.Add(3600)
			require.NotNil(t, f.Policy().Book)
			_ = f.Err()
			close(log.goOn)
			reading.Wait()
		})
	}
}

// However deep or odd, a file is refused and breaks nothing.
func TestHostileFiles(t *testing.T) {
	const size = 4 << 10
	for name, text := range map[string]string{
		"deep lists": strings.Repeat("[", size), "deep maps": strings.Repeat("{a: ", size/4), "dashes": strings.Repeat("- ", size/2),
		"deep and closed": strings.Repeat("[", size/2) + strings.Repeat("]", size/2),
		"keys":            strings.Repeat("? ", size/2), "anchors": strings.Repeat("&a ", size/3), "colons": strings.Repeat("a: ", size/3), "quotes": strings.Repeat("'", size),
		"words": "version: 1\npeople: [" + strings.Repeat("a,", size/2-20) + "]", "lines": strings.Repeat("a:\n", size/3),
	} {
		_, err := policy.Load([]byte(text), operations)
		require.Error(t, err, name)
	}
}

// What a file takes to be read grows as the file does, also for rules that all have to be compared with the others.
func TestLoadIsLinear(t *testing.T) {
	allocated := func(rules int) uint64 {
		var before, after runtime.MemStats
		raw := testkit.BigPolicy(rules, rules/10)
		runtime.ReadMemStats(&before)
		_, err := policy.Load(raw, operations)
		runtime.ReadMemStats(&after)
		require.NoError(t, err)
		return after.TotalAlloc - before.TotalAlloc
	}
	require.Less(t, allocated(1000), 20*allocated(100))
}
