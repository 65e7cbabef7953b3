package simulator

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// outcome is the status of a create, and whether a server was created.
type outcome struct {
	status  int // 0: the connection was reset
	changed bool
}

// outcomes sends creates in process and counts how they end.
func outcomes(t *testing.T, s *Simulator, n int) map[outcome]int {
	t.Helper()
	client := &http.Client{Transport: s.Transport()}
	counts := map[outcome]int{}
	for range n {
		before := servers(s)
		got, err := send(t, client, "https://vps.test", "POST", "servers/", create)
		if err != nil {
			require.ErrorIs(t, err, syscall.ECONNRESET)
		}
		counts[outcome{got.status, servers(s) > before}]++
	}
	return counts
}

func servers(s *Simulator) (n int) {
	s.Edit(func(w *World) { n, w.Credits = len(w.Servers), 1000 })
	return n
}

func TestFailuresAreEquallyFrequent(t *testing.T) {
	counts := outcomes(t, New(Options{FailRate: 1, Now: fixed}), 1000)
	require.Len(t, counts, 5)
	for _, o := range []outcome{{500, false}, {502, true}, {429, false}, {0, false}, {0, true}} {
		require.InDelta(t, 200, counts[o], 50, "%+v", o)
	}
}

func TestFailRate(t *testing.T) {
	counts := outcomes(t, New(Options{FailRate: 0.3, Seed: 7, Now: fixed}), 1000)
	require.InDelta(t, 700, counts[outcome{201, true}], 60)
	require.Equal(t, 1000, outcomes(t, New(Options{Now: fixed}), 1000)[outcome{201, true}])
}

func TestSeedDeterminesTheFailures(t *testing.T) {
	run := func(seed uint64) (statuses []int) {
		s := New(Options{FailRate: 0.5, Seed: seed, Now: fixed})
		outcomes(t, s, 50)
		for _, r := range s.Requests() {
			statuses = append(statuses, r.Status)
		}
		return statuses
	}
	require.Equal(t, run(1), run(1))
	require.NotEqual(t, run(1), run(2))
}

func TestFaultResponses(t *testing.T) {
	w := httptest.NewRecorder()
	faults[2].write(w)
	require.Equal(t, http.StatusTooManyRequests, w.Code)
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	w = httptest.NewRecorder()
	badGateway(w)
	require.Equal(t, "text/html", w.Header().Get("Content-Type"))
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { reset(httptest.NewRecorder()) })
}

func TestResetOfASocket(t *testing.T) {
	s := New(Options{Now: fixed})
	server := httptest.NewServer(s)
	defer server.Close()
	s.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(httptest.NewRecorder(), r)
		reset(w)
	})
	_, err := send(t, server.Client(), server.URL, "POST", "servers/", create)
	require.True(t, errors.Is(err, syscall.ECONNRESET), "%v", err)
	require.Equal(t, 3, servers(s))
	require.Len(t, s.Writes(), 1)
	require.Zero(t, s.Writes()[0].Status)
}
