package simulator

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sampleNow is when the documentation's sample token was last used.
var sampleNow = time.Date(2025, 2, 11, 8, 45, 12, 0, time.UTC)

// clock is a time that tests move by hand, between requests.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time          { return c.now }
func (c *clock) forward(d time.Duration) { c.now = c.now.Add(d) }

func fixed() time.Time { return sampleNow }

// result is an answer as a client sees it.
type result struct {
	status int
	header http.Header
	body   string
}

func (r result) object(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.body), &v), r.body)
	return v
}

func (r result) results(t *testing.T) []any {
	t.Helper()
	results, found := r.object(t)["results"].([]any)
	require.True(t, found, r.body)
	return results
}

// do sends a request as vps_demo straight to the handler; path is what follows /api/v1/.
func do(t *testing.T, s *Simulator, method, path, body string) result {
	t.Helper()
	return doAs(t, s, "vps_demo", method, path, body)
}

func doAs(t *testing.T, s *Simulator, token, method, path, body string) result {
	t.Helper()
	r := httptest.NewRequest(method, prefix+path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return result{w.Code, w.Header(), w.Body.String()}
}

// send sends a request as vps_demo through a client.
func send(t *testing.T, client *http.Client, base, method, path, body string) (result, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, base+prefix+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer vps_demo")
	resp, err := client.Do(req)
	if err != nil {
		return result{}, err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	return result{resp.StatusCode, resp.Header, string(content)}, err
}
