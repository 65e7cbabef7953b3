package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/testkit"
	"github.com/vpsbot/vpsbot/permissions"
)

// Figure 11: one canary secret for each way in which a secret reaches the program. None is in its
// output, logs, requests or files: not whole, not in part, not encoded.
func TestFigure11Canaries(t *testing.T) {
	t.Parallel()
	r, seed := seededRand(t)
	program, bytesRead := buildProgram(t), 0
	formats := []bool{false, true}[:testkit.Size(1, 2)]
	for _, one := range canarySecrets {
		for _, inJSON := range formats {
			secret := ""
			if one.make != nil {
				secret = one.make(r)
			}
			t.Run(fmt.Sprintf("%s/json=%v", one.name, inJSON), func(t *testing.T) {
				c := newSandbox(t, program, secret)
				c.json = inJSON
				one.use(c)
				c.addFiles()
				c.addAPIRequests()
				require.GreaterOrEqual(t, len(c.secret), 32, "there is a secret to be found")
				bytesRead += len(c.output.String())
				require.Empty(t, findSecret(c.secret, c.output.String()), "the secret was found")
			})
		}
	}
	require.GreaterOrEqual(t, len(canarySecrets), 28)
	logFigure(t, 11, "%d canary secrets, each by a way of its own, in %d bytes of output, logs, requests and database files: found in none, nor a part of one (seed %d)",
		len(canarySecrets)+2, bytesRead, seed)
}

// Figure 11: a panic in the transport whose message has the token does not print it, and ends only the
// call. The test runs in a child process, because the panic may end it.
func TestFigure11Panic(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"at the call": "/servers/", "while the permissions are read": "/account/me/"} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestFigure11PanicInside$", "-test.v")
			cmd.Env = append(os.Environ(), panicPathVariable+"="+path)
			output, err := cmd.CombinedOutput()
			require.Contains(t, string(output), panicPathVariable+" "+path, "the test ran")
			require.NotContains(t, string(output), panicToken, "the token was printed")
			require.NoError(t, err, "the process ended: %s", tail(output, 600))
		})
	}
}

const (
	panicPathVariable = "VPSBOT_PROOF_PANICS_AT"
	panicToken        = "vps_abcdefghijklmnopqrstuvwxyz234567"
)

func tail(text []byte, n int) []byte { return text[max(0, len(text)-n):] }

// TestFigure11PanicInside is the child process of TestFigure11Panic.
func TestFigure11PanicInside(t *testing.T) {
	t.Parallel()
	path := os.Getenv(panicPathVariable)
	if path == "" {
		return
	}
	t.Log(panicPathVariable, path)
	s := newFixture(t)
	s.token = panicToken
	s.sim.Edit(func(w *simulator.World) {
		w.Tokens[panicToken] = &simulator.Token{Value: panicToken, Permissions: []string{"*:*"}}
	})
	s.runner = s.newRunner("process-1", panickingTransport{s.sim.Transport(), path})
	transcript := &testkit.Log{}
	w := s.connect(s.runner, lead, transcript)
	require.True(t, w.call(`{"name":"servers_list","arguments":{}}`).IsError)
	require.True(t, w.call(`{"name":"servers_delete","arguments":{"server":"web-server-01"}}`).IsError)
	require.Contains(t, s.log.String(), "a header with Bearer [redacted]", "the panic was logged")
	for _, text := range []string{transcript.String(), s.log.String(), s.storeBytes()} {
		require.Empty(t, findSecret(panicToken, text))
	}
}

// panickingTransport is a transport that panics at one path.
type panickingTransport struct {
	http.RoundTripper
	path string
}

func (b panickingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, b.path) {
		panic("a header with " + r.Header.Get("Authorization"))
	}
	return b.RoundTripper.RoundTrip(r)
}

// storeBytes is the content of all files of the store.
func (s *fixture) storeBytes() string {
	s.Helper()
	contents := fileContents(s, s.folder)
	require.NotEmpty(s, contents)
	return contents
}

// Figure 11: only the client gets the nonce of a question. The store has its hash.
func TestFigure11Nonce(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	w := s.connect(s.runner, lead, nil)
	state := w.call(`{"name":"servers_delete","arguments":{"server":"web-server-01"}}`).RequestState
	require.NotEmpty(t, state)
	require.NotContains(t, s.log.String()+s.storeBytes(), state, "while the question is open")
	s.clock.Advance(time.Second)
	w.call(`{"name":"servers_delete","arguments":{"server":"db-server-01"},"requestState":"` + state + `","inputResponses":{"confirm":{"action":"accept"}}}`)
	reply := s.runner.Run(t.Context(), runner.Call{Operation: "servers.delete", Input: []byte(`{"server":"web-server-01"}`), Actor: lead, Surface: permissions.Terminal})
	require.NotContains(t, s.log.String()+s.storeBytes()+reply.Text(), state)
}

// findSecret finds a secret in each of its forms.
func TestFigure11TheSearchFinds(t *testing.T) {
	t.Parallel()
	r, _ := seededRand(t)
	secret := newToken(r)
	for _, trace := range secretForms(secret) {
		require.NotEmpty(t, findSecret(secret, "before "+trace+" after"), trace)
	}
	require.Empty(t, findSecret(secret, newToken(r)))
}
