package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/testkit"
	"github.com/vpsbot/vpsbot/permissions"
)

// Figure 11: canary secrets, one by each way that a secret can come in, and none of them in
// anything that was said, logged or written: not whole, not in part, not in another spelling.
func TestFigure11Canaries(t *testing.T) {
	t.Parallel()
	r, seed := seeded(t)
	program, bytesRead := buildProgram(t), 0
	formats := []bool{false, true}[:testkit.Size(1, 2)]
	for _, one := range canaries {
		for _, inJSON := range formats {
			secret := ""
			if one.make != nil {
				secret = one.make(r)
			}
			t.Run(fmt.Sprintf("%s/json=%v", one.name, inJSON), func(t *testing.T) {
				c := newCage(t, program, secret)
				c.json = inJSON
				one.use(c)
				c.written()
				c.seenByTheAPI()
				require.GreaterOrEqual(t, len(c.secret), 32, "there is a secret to be found")
				bytesRead += len(c.heard.String())
				require.Empty(t, found(c.secret, c.heard.String()), "the secret was found")
			})
		}
	}
	require.GreaterOrEqual(t, len(canaries), 25)
	proven(t, 11, "%d canary secrets, each by a way of its own, in %d bytes of output, logs, requests and database files: found in none, nor a part of one (seed %d)",
		len(canaries)+2, bytesRead, seed)
}

// Figure 11: a panic on the way to the API, with the token in its words, tells it to nobody,
// and ends nothing but the call. It happens in a process of its own, which it may end.
func TestFigure11Panic(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"at the call": "/servers/", "while the permissions are read": "/account/me/"} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestFigure11PanicInside$", "-test.v")
			cmd.Env = append(os.Environ(), panicsAt+"="+path)
			said, err := cmd.CombinedOutput()
			require.Contains(t, string(said), panicsAt+" "+path, "it was tried")
			require.NotContains(t, string(said), panicToken, "the token was told")
			require.NoError(t, err, "the process ended: %s", last(said, 600))
		})
	}
}

const (
	panicsAt   = "VPSBOT_PROOF_PANICS_AT"
	panicToken = "vps_abcdefghijklmnopqrstuvwxyz234567"
)

func last(text []byte, n int) []byte { return text[max(0, len(text)-n):] }

// TestFigure11PanicInside is what TestFigure11Panic runs in another process.
func TestFigure11PanicInside(t *testing.T) {
	t.Parallel()
	path := os.Getenv(panicsAt)
	if path == "" {
		return
	}
	t.Log(panicsAt, path)
	s := newScene(t)
	s.token = panicToken
	s.sim.Edit(func(w *simulator.World) {
		w.Tokens[panicToken] = &simulator.Token{Value: panicToken, Permissions: []string{"*:*"}}
	})
	s.runner = s.process("process-1", breaking{s.sim.Transport(), path})
	heard := &testkit.Log{}
	w := s.connect(s.runner, lead, heard)
	require.True(t, w.call(`{"name":"servers_list","arguments":{}}`).IsError)
	require.True(t, w.call(`{"name":"servers_delete","arguments":{"server":"web-server-01"}}`).IsError)
	require.Contains(t, s.log.String(), "a header with Bearer [redacted]", "it did panic")
	for _, text := range []string{heard.String(), s.log.String(), s.rows()} {
		require.Empty(t, found(panicToken, text))
	}
}

// breaking is a transport that panics at some paths.
type breaking struct {
	http.RoundTripper
	path string
}

func (b breaking) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, b.path) {
		panic("a header with " + r.Header.Get("Authorization"))
	}
	return b.RoundTripper.RoundTrip(r)
}

// rows is every byte of the store.
func (s *scene) rows() string {
	s.Helper()
	var b strings.Builder
	names, err := filepath.Glob(filepath.Join(s.folder, "*"))
	require.NoError(s, err)
	require.NotEmpty(s, names)
	for _, name := range names {
		raw, err := os.ReadFile(name)
		require.NoError(s, err)
		b.Write(raw)
	}
	return b.String()
}

// Figure 11: the nonce of a question is the client's alone. The store has its hash.
func TestFigure11Nonce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	w := s.connect(s.runner, lead, nil)
	state := w.call(`{"name":"servers_delete","arguments":{"server":"web-server-01"}}`).RequestState
	require.NotEmpty(t, state)
	require.NotContains(t, s.log.String()+s.rows(), state, "while the question is open")
	s.clock.Advance(time.Second)
	w.call(`{"name":"servers_delete","arguments":{"server":"db-server-01"},"requestState":"` + state + `","inputResponses":{"confirm":{"action":"accept"}}}`)
	reply := s.runner.Run(t.Context(), runner.Call{Operation: "servers.delete", Input: []byte(`{"server":"web-server-01"}`), Actor: lead, Surface: permissions.Terminal})
	require.NotContains(t, s.log.String()+s.rows()+reply.Text(), state)
}

// What looks for the canaries finds them in every form.
func TestFigure11TheSearchFinds(t *testing.T) {
	t.Parallel()
	r, _ := seeded(t)
	secret := aToken(r)
	for _, trace := range traces(secret) {
		require.NotEmpty(t, found(secret, "before "+trace+" after"), trace)
	}
	require.Empty(t, found(secret, aToken(r)))
}
