package simulator

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRequestsAreRecorded(t *testing.T) {
	s := New(Options{Now: fixed})
	do(t, s, "GET", "servers/?status=active", "")
	doAs(t, s, "vps_readonly", "POST", "servers/", create)
	doAs(t, s, "stranger", "DELETE", "servers/12345%2F/", "")
	require.Equal(t, []Request{
		{"GET", "/api/v1/servers/", "status=active", "", "Demo", 200, sampleNow},
		{"POST", "/api/v1/servers/", "", create, "Read only", 403, sampleNow},
		{"DELETE", "/api/v1/servers/12345%2F/", "", "", "", 401, sampleNow},
	}, s.Requests())
	require.Equal(t, s.Requests()[1:], s.Writes())
}

func TestRecordIsBounded(t *testing.T) {
	var l requestLog
	for n := range keptRequests + 3 {
		require.Equal(t, n, l.add(Request{Method: fmt.Sprint(n)}))
	}
	l.answered(0, 200)
	l.answered(2, 200)
	l.answered(3, 203)
	l.answered(keptRequests+2, 204)
	all := l.all()
	require.Len(t, all, keptRequests)
	require.Equal(t, Request{Method: "3", Status: 203}, all[0])
	require.Equal(t, Request{Method: fmt.Sprint(keptRequests + 2), Status: 204}, all[keptRequests-1])
	for _, r := range all[1 : keptRequests-1] {
		require.Zero(t, r.Status, "the answer to a forgotten request went to another")
	}

	s := New(Options{})
	do(t, s, "POST", "servers/", strings.Repeat("x", keptBody+1))
	require.Len(t, s.Requests()[0].Body, keptBody)
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
				s.Edit(func(w *World) { w.Plans[1].Locations[0] = "us-west"; w.Server(12345).Name = fmt.Sprint(n) })
				s.Requests()
			}
		})
	}
	group.Wait()
	s.Edit(func(w *World) { require.Len(t, w.Servers, 20+8*30) })
	require.Len(t, s.Writes(), 8*30)
}
