package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/testkit"
)

// hold delays writes until release is closed.
func (b *sandbox) hold(release <-chan struct{}) {
	b.sim.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method != http.MethodGet {
			select {
			case <-release:
			case <-time.After(testTimeout):
			}
		}
		next.ServeHTTP(w, r)
	})
}

const waitsForAnswer = "The request has been sent; waiting for its answer, at most 60 s."

// Ctrl-C during a change prints what the command waits for.
func TestCtrlCDuringAChange(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	release := make(chan struct{})
	b.hold(release)
	time.AfterFunc(3*time.Second, func() { close(release) })
	cmd := b.command(t, "run", "servers.reboot", "web-server-01")
	arrived := func() bool { return len(b.sim.Writes()) == 1 }
	screen, err := runDialogue(cmd, []step{
		{expect: true, text: "Do this? [y/N]"}, {text: "y"}, {until: arrived, text: "^C"}, {expect: true, text: waitsForAnswer},
	})
	require.NoError(t, err)
	require.Contains(t, screen, "VPS.org has accepted it: web-server-01 is rebooting. vpsbot servers get web-server-01 shows how it goes on.")
	require.Len(t, b.sim.Writes(), 1)
}

// A second Ctrl-C ends the waiting, with the exit code of an unknown outcome.
func TestSecondCtrlC(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	release := make(chan struct{})
	defer close(release)
	b.hold(release)
	cmd := b.command(t, "run", "servers.reboot", "web-server-01", "--yes")
	arrived := func() bool { return len(b.sim.Writes()) == 1 }
	screen, err := runDialogue(cmd, []step{
		{until: arrived, text: "^C"}, {expect: true, text: waitsForAnswer}, {text: "^C"}, {expect: true, text: "you did not wait"},
	})
	require.ErrorContains(t, err, "exit status 5")
	require.Regexp(t, `vpsbot approvals show [a-z2-7]{26} shows its state`, screen)
}

// A signal that comes twice at once, as from timeout(1), is one: the answer is waited for.
func TestSignalTwiceAtOnce(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	release := make(chan struct{})
	b.hold(release)
	cmd := b.command(t, "snapshots", "create", "web-server-01", "--name", "before")
	out := &testkit.Log{}
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool { return len(b.sim.Writes()) == 1 }, testTimeout, 10*time.Millisecond)
	require.NoError(t, errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Process.Signal(os.Interrupt)))
	require.Eventually(t, func() bool { return strings.Contains(out.String(), waitsForAnswer) }, testTimeout, 10*time.Millisecond, out)
	close(release)
	require.NoError(t, cmd.Wait(), out)
	require.Contains(t, out.String(), "snapshot")
}

// silentAPI is an API that never answers.
func silentAPI(t *testing.T) string {
	t.Helper()
	over := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	t.Cleanup(func() {
		close(over)
		silent.Close()
	})
	return silent.URL
}

// The first Ctrl-C stops a read.
func TestCtrlCStopsARead(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.env["VPS_API_URL"] = silentAPI(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	began := time.Now()
	_, errs, code := b.run(ctx, "run", "servers.reboot", "web-server-01")
	require.NotZero(t, code)
	require.Less(t, time.Since(began), 3*time.Second)
	require.NotContains(t, errs, "has been sent")
}

// doctor waits for a silent API for a few seconds, once.
func TestDoctorWithSilentAPI(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.env["VPS_API_URL"] = silentAPI(t)
	began := time.Now()
	out, errs, code := b.run(t.Context(), "doctor")
	require.Equal(t, 1, code)
	require.Less(t, time.Since(began), 8*time.Second)
	require.Contains(t, out, "does not answer within 5 seconds")
	require.NotContains(t, out+errs, "deadline")
}

// A server that answers with a page, a redirect or a 404 is not the API, and gets no token.
func TestDoctorWithWrongAddress(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"a page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
		},
		"a redirect": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/login")
			w.WriteHeader(http.StatusFound)
		},
		"not found": http.NotFound,
	} {
		t.Run(name, func(t *testing.T) {
			b := newSandbox(t)
			other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				assert.Empty(t, r.Header.Get("Authorization"), "the token goes to no address that is not the API's")
				answer(w, r)
			}))
			t.Cleanup(other.Close)
			b.env["VPS_API_URL"] = other.URL
			out, _, code := b.run(t.Context(), "doctor")
			require.Equal(t, 1, code)
			require.Contains(t, out, "answers, but not as VPS.org's API does")
			require.Contains(t, out, "- Check VPS_API_URL")
		})
	}
}

// Ctrl-C during --wait stops the waiting at once, and says what is known; the reboot goes on.
func TestCtrlCDuringWait(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.serve(t, 0.001)
	screen, err := runDialogue(b.command(t, "run", "servers.reboot", "web-server-01", "--yes", "--wait"), parseDialogue("> reboot web-server-01: rebooting (\n< ^C\n"))
	require.NoError(t, err)
	require.Regexp(t, `\x1b\[KStopped waiting after \d s; web-server-01 is rebooting. vpsbot servers get web-server-01 shows how it goes on.\r\n$`, screen)
	require.Regexp(t, `(?s)\r\x1b\[Kreboot web-server-01: rebooting \(.*\r\x1b\[K`, screen, "the progress line is written anew and cleared")
	require.Len(t, b.sim.Writes(), 1)
}

// A change that takes longer than --timeout is a failure that was sent.
func TestWaitTimeout(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.serve(t, 0.001)
	errs, code := b.inTerminal(t, "", "run", "servers.reboot", "web-server-01", "--yes", "--wait", "--timeout", "1200ms")
	require.Equal(t, 1, code)
	require.Regexp(t, `The waiting is over after \d s; web-server-01 is still rebooting. vpsbot servers get web-server-01 shows how it goes on.`, errs)
	require.Len(t, b.sim.Writes(), 1)
	_, errs, code = b.run(t.Context(), "run", "servers.reboot", "web-server-01", "--timeout", "0s")
	require.Equal(t, 2, code)
	require.Contains(t, errs, "--timeout must be a time such as 90s or 10m")
}

// Ctrl-C before anything was sent says so; the same command asks again, and is not told of a refusal.
func TestCtrlCBeforeTheCall(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	held, release := make(chan struct{}, 10), make(chan struct{})
	defer close(release)
	var asked atomic.Int32
	b.sim.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/account/me/") {
			if asked.Add(1) == 2 { // the last check
				held <- struct{}{}
				<-release
			}
		}
		next.ServeHTTP(w, r)
	})
	arrived := func() bool { return len(held) == 1 }
	screen, err := runDialogue(b.command(t, "reboot", "web-server-01", "--yes"), []step{{until: arrived, text: "^C"}})
	require.ErrorContains(t, err, "exit status 1")
	require.Contains(t, screen, "vpsbot: Nothing was sent: it was stopped before.")
	require.Empty(t, b.sim.Writes())
	screen, code := b.inTerminal(t, "", "reboot", "web-server-01", "--yes")
	require.Zero(t, code, screen)
	require.Len(t, b.sim.Writes(), 1)
}

// Ctrl-C while it is read whether missing fields are worth a question.
func TestCtrlCBeforeFieldsAreAsked(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	held, release := make(chan struct{}, 10), make(chan struct{})
	defer close(release)
	b.sim.Intercept(func(http.ResponseWriter, *http.Request, http.Handler) {
		held <- struct{}{}
		<-release
	})
	screen, err := runDialogue(b.command(t, "create"), []step{{until: func() bool { return len(held) > 0 }, text: "^C"}})
	require.ErrorContains(t, err, "exit status 1")
	require.Contains(t, screen, "vpsbot: stopped; nothing was sent")
}
