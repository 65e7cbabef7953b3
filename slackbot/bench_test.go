package slackbot_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// rate is how many commands a second come in.
const rate = 1000

// BenchmarkAcknowledged sends commands at a steady rate while VPS.org hangs, each verified,
// parsed and stored before it is acknowledged, and beside them the same requests to a handler
// that does nothing: p99-ms is against idle-p99-ms.
func BenchmarkAcknowledged(b *testing.B) {
	w := newWorld(b)
	w.sim.Intercept(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() })
	idle := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer idle.Close()
	app := httptest.NewServer(w.mux)
	defer app.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	b.ResetTimer()
	b.ReportMetric(ms(percentile(b, client, b.N, w.commandsTo(idle.URL))), "idle-p99-ms")
	b.ReportMetric(ms(percentile(b, client, b.N, w.commandsTo(app.URL))), "p99-ms")
	b.StopTimer()
	require.Equal(b, b.N, w.countDeliveries(), "each acknowledged delivery is stored")
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// commandsTo returns a function that makes the nth signed command to an address.
func (w *world) commandsTo(address string) func(n int) *http.Request {
	return func(n int) *http.Request {
		form := url.Values{
			"command": {"/vps"}, "text": {"servers list"}, "user_id": {lea}, "channel_id": {ops}, "team_id": {"T0TEAM"},
			"trigger_id": {fmt.Sprint(n)}, "response_url": {w.slack.APIURL()},
		}
		req := w.slack.Signed("/slack/commands", []byte(form.Encode()), w.now())
		to, err := url.Parse(address)
		require.NoError(w, err)
		req.URL.Scheme, req.URL.Host, req.Host, req.RequestURI = to.Scheme, to.Host, to.Host, ""
		return req
	}
}

// percentile sends n requests at the rate and returns how long all but one in a hundred took.
func percentile(b *testing.B, client *http.Client, n int, next func(int) *http.Request) time.Duration {
	took := make([]time.Duration, n)
	var all sync.WaitGroup
	tick := time.NewTicker(time.Second / rate)
	defer tick.Stop()
	for i := range n {
		<-tick.C
		req := next(i)
		all.Go(func() {
			began := time.Now()
			answer, err := client.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			body, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			if answer.StatusCode != http.StatusOK || strings.Contains(string(body), "vpsbot") {
				b.Errorf("%d %s", answer.StatusCode, body)
			}
			took[i] = time.Since(began)
		})
	}
	all.Wait()
	slices.Sort(took)
	return took[n*99/100]
}
