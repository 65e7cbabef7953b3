package simulator

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sampleNow is when the documentation's sample token was last used.
var sampleNow = time.Date(2025, 2, 11, 8, 45, 12, 0, time.UTC)

// clock is a clock that tests set between requests.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time          { return c.now }
func (c *clock) forward(d time.Duration) { c.now = c.now.Add(d) }

func fixed() time.Time { return sampleNow }

// result is an answer as a client receives it.
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

func TestRequestsAreRecorded(t *testing.T) {
	s := New(Options{Now: fixed})
	do(t, s, "GET", "servers/?status=active", "")
	doAs(t, s, "vps_readonly", "POST", "servers/", create)
	doAs(t, s, "stranger", "DELETE", "servers/12345%2F/", "")
	require.Equal(t, []Request{
		{"GET", "/api/v1/servers/", "status=active", "", "Demo", 200},
		{"POST", "/api/v1/servers/", "", create, "Read only", 403},
		{"DELETE", "/api/v1/servers/12345%2F/", "", "", "", 401},
	}, s.Requests())
	require.Equal(t, s.Requests()[1:], s.Writes())
}

func TestRequestLogIsBounded(t *testing.T) {
	s := New(Options{Now: fixed})
	for n := range keptRequests + 3 {
		r := httptest.NewRequest("GET", fmt.Sprintf("/api/v1/plans/?n=%d", n), http.NoBody)
		s.ServeHTTP(httptest.NewRecorder(), r)
	}
	all := s.Requests()
	require.Len(t, all, keptRequests)
	require.Equal(t, "n=3", all[0].Query)
	require.Equal(t, fmt.Sprintf("n=%d", keptRequests+2), all[keptRequests-1].Query)
	require.Equal(t, http.StatusUnauthorized, all[0].Status)
}

func TestConcurrentUse(t *testing.T) {
	s := New(Options{Servers: 20, Speed: 1e9})
	s.Edit(func(w *World) { w.Credits = 1e9 })
	client := &http.Client{Transport: s.Transport()}
	var group sync.WaitGroup
	for n := range 8 {
		group.Go(func() {
			for range 30 {
				s.Intercept(nil)
				_, err := send(t, client, "https://vps.test", "POST", "servers/", create)
				require.NoError(t, err)
				_, err = send(t, client, "https://vps.test", "GET", "servers/", "")
				require.NoError(t, err)
				_, err = send(t, client, "https://vps.test", "GET", "plans/", "")
				require.NoError(t, err)
				s.Edit(func(w *World) { w.Plans[1].Locations[0] = "us-west"; w.Servers[12345].Name = fmt.Sprint(n) })
				s.Requests()
			}
		})
	}
	group.Wait()
	s.Edit(func(w *World) { require.Len(t, w.Servers, 20+8*30) })
	require.Len(t, s.Writes(), 8*30)
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return listener
}

func TestServeEndsWithItsContext(t *testing.T) {
	s := New(Options{})
	arrived := make(chan struct{})
	release := make(chan struct{})
	s.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		close(arrived)
		<-release
		next.ServeHTTP(w, r)
	})
	listener := listen(t)
	ctx, stop := context.WithCancel(t.Context())
	served, answered := make(chan error), make(chan int)
	go func() { served <- Serve(ctx, listener, s) }()
	go func() {
		got, _ := send(t, http.DefaultClient, "http://"+listener.Addr().String(), "GET", "servers/", "")
		answered <- got.status
	}()
	<-arrived
	stop()
	close(release)
	require.Equal(t, http.StatusOK, <-answered, "a running request is answered")
	require.NoError(t, <-served)
	_, err := send(t, http.DefaultClient, "http://"+listener.Addr().String(), "GET", "servers/", "")
	require.Error(t, err)
}

func TestServeReturnsTheError(t *testing.T) {
	listener := listen(t)
	require.NoError(t, listener.Close())
	require.ErrorIs(t, Serve(t.Context(), listener, New(Options{})), net.ErrClosed)
}

// BenchmarkHandler measures the handler without a network: at least 30,000 requests a second.
func BenchmarkHandler(b *testing.B) {
	for _, path := range []string{"servers/12345/", "servers/", "account/me/"} {
		b.Run(path, func(b *testing.B) {
			s := New(Options{})
			r := httptest.NewRequest("GET", prefix+path, nil)
			r.Header.Set("Authorization", "Bearer vps_demo")
			b.ReportAllocs()
			for b.Loop() {
				s.ServeHTTP(httptest.NewRecorder(), r)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
		})
	}
}
