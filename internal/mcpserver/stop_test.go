package mcpserver

import (
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
)

func TestWriteUnderWayIsSeenToItsEnd(t *testing.T) {
	for name, stop := range map[string]func(*talk){
		"end of input": func(k *talk) { k.in.Close() },
		"stopped":      func(k *talk) { k.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			arrived, goOn := make(chan struct{}), make(chan struct{})
			w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
				if r.Method == http.MethodPost {
					close(arrived)
					<-goOn
				}
				next.ServeHTTP(rw, r)
			})
			k := w.legacy(forms)
			k.begin("tools/call", call("backups_create", web))
			<-arrived
			stop(k)
			select {
			case <-k.served:
				require.Fail(t, "it left a write behind")
			case <-time.After(100 * time.Millisecond):
			}
			close(goOn)
			require.NoError(t, <-k.served)
			require.Equal(t, approval.Done, w.state())
			require.Len(t, w.sent(), 1)
		})
	}
}

func TestReadsAreAnsweredWhenTheInputEnds(t *testing.T) {
	w := newWorld(t)
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		time.Sleep(50 * time.Millisecond)
		next.ServeHTTP(rw, r)
	})
	k := w.legacy(forms)
	_, coming := k.begin("tools/call", call("servers_get", web))
	k.in.Close()
	require.False(t, k.result(coming).IsError)
	require.NoError(t, <-k.served)
}

func TestApprovedRunIsSeenToItsEnd(t *testing.T) {
	w := newWorld(t)
	arrived, goOn := make(chan struct{}), make(chan struct{})
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodDelete {
			close(arrived)
			<-goOn
		}
		next.ServeHTTP(rw, r)
	})
	k := w.legacy(noForms)
	k.call(call("servers_delete", web))
	w.approve("web-server-01")
	<-arrived
	k.stop()
	select {
	case <-k.served:
		require.Fail(t, "it left a write behind")
	case <-time.After(100 * time.Millisecond):
	}
	close(goOn)
	require.NoError(t, <-k.served)
	require.Equal(t, approval.Done, w.state())
}

func TestStopDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Log: slog.New(slog.DiscardHandler)}
		began := time.Now()
		require.NoError(t, s.waitForCalls(make(chan error)))
		require.Equal(t, shutdownTimeout, time.Since(began))
	})
}
