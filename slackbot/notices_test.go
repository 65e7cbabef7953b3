package slackbot_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/fakeslack"
	"github.com/vpsbot/vpsbot/internal/store/pgtest"
	"github.com/vpsbot/vpsbot/permissions"
)

const auditChannel = "C0AUDIT"

// startReplica starts a second process on the same store and workspace.
func (w *world) startReplica() {
	r := &world{TB: w.TB, url: w.url, log: w.log, slack: w.slack, sim: w.sim, policy: w.currentPolicy(), stop: func() {}}
	r.clockOffset.Store(w.clockOffset.Load())
	r.start()
	w.Cleanup(func() { r.stop() })
}

// newStoppedExpiringWorld makes a world whose token expires after a time.
func newStoppedExpiringWorld(t *testing.T, left time.Duration) *world {
	w := newStoppedSQLiteWorld(t)
	tokens := simulator.DefaultTokens(w.now())
	for i := range tokens {
		tokens[i].ExpiresAt = w.now().Add(left)
	}
	w.sim = simulator.New(simulator.Options{Speed: 60, Tokens: tokens, Now: w.now})
	return w
}

func TestTokenExpiryNoticeOnceADay(t *testing.T) {
	t.Parallel()
	w := newStoppedExpiringWorld(t, 3*24*time.Hour-time.Hour)
	w.start()
	w.startReplica()
	m := w.posted(approvals, "expires in 3 days")
	require.Contains(t, m.Text(), "admin.vps.org/account/developers")
	time.Sleep(time.Second)
	require.Len(t, w.slack.Messages(approvals), 1)
}

func TestTokenExpiryNoticeNextDay(t *testing.T) {
	t.Parallel()
	w := newStoppedExpiringWorld(t, 3*24*time.Hour-time.Hour)
	w.start()
	w.posted(approvals, "expires in 3 days")
	w.advanceClock(24 * time.Hour)
	w.posted(approvals, "expires in 2 days")
	require.Len(t, w.slack.Messages(approvals), 2)
}

func TestNoTokenExpiryNotice(t *testing.T) {
	t.Parallel()
	w := newStoppedExpiringWorld(t, 8*24*time.Hour)
	w.start()
	time.Sleep(600 * time.Millisecond)
	require.Empty(t, w.slack.Messages(approvals))
}

func TestTokenExpiryNoticeRetry(t *testing.T) {
	t.Parallel()
	w := newStoppedExpiringWorld(t, time.Hour)
	w.slack.Fail("chat.postMessage", fakeslack.Fault{Status: 500, Times: 1})
	w.start()
	w.eventually("it was tried", func() bool { return len(w.slack.Calls("chat.postMessage")) == 1 })
	time.Sleep(600 * time.Millisecond)
	require.Empty(t, w.slack.Messages(approvals), "not at once: it may have arrived")
	w.advanceClock(11 * time.Minute)
	w.posted(approvals, "expires in less than a day")
}

// writeRows writes audit rows, numbered in their operation.
func (w *world) writeRows(from, to int) {
	w.Helper()
	for i := from; i <= to; i++ {
		require.NoError(w, w.store.Note(w.Context(), audit.Row{
			At: w.now(), Actor: "local:a", Surface: "terminal", Operation: fmt.Sprintf("test.number%d", i), Decision: "allowed", Reason: strings.Repeat("&", 100),
		}))
	}
}

var numbered = regexp.MustCompile(`test\.number(\d+)`)

// mirroredRows are the numbers of the rows in the channel, in order.
func (w *world) mirroredRows() (all []string) {
	for _, m := range w.slack.Messages(auditChannel) {
		seen := map[string]bool{}
		for _, found := range numbered.FindAllStringSubmatch(m.Text(), -1) {
			if !seen[found[1]] { // its notification says it too
				all = append(all, found[1])
			}
			seen[found[1]] = true
		}
	}
	return all
}

func numbers(from, to int) (all []string) {
	for i := from; i <= to; i++ {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

func mirroring(t *testing.T, url string) *world {
	w := newStoppedWorld(t, url)
	w.slack.AddChannel(auditChannel, lea)
	w.start()
	w.writeRows(1, 3)
	w.setPolicy(func(p *permissions.Policy) { p.Book.Slack.Audit = auditChannel })
	w.eventually("the mirror knows where to begin", func() bool {
		_, err := w.store.Post(w.Context(), "mirror:audit")
		return err == nil
	})
	return w
}

func TestAuditMirrorOnce(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "vpsbot.db") },
		"postgres": func(t *testing.T) string { return pgtest.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := mirroring(t, url(t))
			w.startReplica()
			w.slack.Fail("chat.postMessage", fakeslack.Fault{Hang: 600 * time.Millisecond}) // the other one looks meanwhile
			w.writeRows(4, 25)
			w.eventually("all are there", func() bool { return len(w.mirroredRows()) >= 22 })
			w.writeRows(26, 28)
			w.eventually("the later ones too", func() bool { return len(w.mirroredRows()) >= 25 })
			time.Sleep(600 * time.Millisecond)
			require.Equal(t, numbers(4, 28), w.mirroredRows(), "each once, in order, and none from before it was switched on")
			for _, m := range w.slack.Messages(auditChannel) {
				require.LessOrEqual(t, strings.Count(m.Text(), "row "), 10)
			}
			require.Zero(t, w.slack.Rate(auditChannel))
		})
	}
}

// Many refusals do not hide a change from the audit channel.
func TestAuditMirrorChangesFirst(t *testing.T) {
	t.Parallel()
	w := mirroring(t, "sqlite:"+filepath.Join(t.TempDir(), "vpsbot.db"))
	w.slack.Fail("chat.postMessage", fakeslack.Fault{Status: 500, Times: 1})
	for i := 100; i < 160; i++ {
		require.NoError(t, w.store.Note(t.Context(), audit.Row{
			At: w.now(), Actor: fmt.Sprint("local:", i), Surface: "mcp", Operation: fmt.Sprintf("test.number%d", i), Decision: "refused", Reason: "no rule allows it",
		}))
	}
	w.writeRows(4, 6)
	w.eventually("it was tried", func() bool { return len(w.slack.Calls("chat.postMessage")) >= 1 })
	w.advanceClock(61 * time.Second)
	w.eventually("the refusals follow", func() bool { return len(w.mirroredRows()) >= 13 })
	shown := w.mirroredRows()
	require.Less(t, slices.Index(shown, "6"), 20, "changes do not wait for the refusals before them: %v", shown)
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(shown))), len(shown), "each once")
}

func TestAuditMirrorRetry(t *testing.T) {
	t.Parallel()
	w := mirroring(t, "sqlite:"+filepath.Join(t.TempDir(), "vpsbot.db"))
	w.slack.Fail("chat.postMessage", fakeslack.Fault{Status: 500, Times: 1})
	w.writeRows(4, 6)
	w.eventually("it was tried", func() bool { return len(w.slack.Calls("chat.postMessage")) == 1 })
	require.Empty(t, w.mirroredRows())
	w.advanceClock(61 * time.Second)
	w.eventually("they are there", func() bool { return len(w.mirroredRows()) == 3 })
	w.stop()
	w.start()
	w.writeRows(7, 7)
	w.eventually("after a restart too", func() bool { return len(w.mirroredRows()) == 4 })
	require.Equal(t, numbers(4, 7), w.mirroredRows())
}
