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

// hold delays a request of a method: arrived is closed at its arrival, and it goes on when goOn is closed.
func (w *world) hold(method string) (arrived, goOn chan struct{}) {
	arrived, goOn = make(chan struct{}), make(chan struct{})
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == method {
			close(arrived)
			<-goOn
		}
		next.ServeHTTP(rw, r)
	})
	return arrived, goOn
}

// completes requires that the server of k does not stop before the write that hold delays has ended.
func (w *world) completes(k *talk, goOn chan struct{}) {
	w.Helper()
	select {
	case <-k.served:
		require.Fail(w, "it did not wait for a write")
	case <-time.After(100 * time.Millisecond):
	}
	close(goOn)
	require.NoError(w, <-k.served)
	require.Equal(w, approval.Done, w.state())
}

func TestShutdownCompletesAWrite(t *testing.T) {
	for name, stop := range map[string]func(*talk){
		"end of input": func(k *talk) { k.in.Close() },
		"stopped":      func(k *talk) { k.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			arrived, goOn := w.hold(http.MethodPost)
			k := w.legacy(forms)
			k.begin("tools/call", call("backups_create", web))
			<-arrived
			stop(k)
			w.completes(k, goOn)
			require.Len(t, w.sent(), 1)
		})
	}
}

func TestReadsAfterTheEndOfInput(t *testing.T) {
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

func TestShutdownCompletesAnApprovedOperation(t *testing.T) {
	w := newWorld(t)
	arrived, goOn := w.hold(http.MethodDelete)
	k := w.legacy(noForms)
	k.call(call("servers_delete", web))
	w.approve("web-server-01")
	<-arrived
	k.stop()
	w.completes(k, goOn)
}

func TestShutdownTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Log: slog.New(slog.DiscardHandler)}
		began := time.Now()
		s.waitForCalls(make(chan struct{}))
		require.Equal(t, shutdownTimeout, time.Since(began))
	})
}
