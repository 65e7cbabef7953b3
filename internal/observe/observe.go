// Package observe exports figures of a running process in the text format of Prometheus. It alone imports the
// library that counts, and makes nothing of it before [New] is called.
package observe

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/ttl"
	"github.com/vpsbot/vpsbot/slackbot/transport"
	"github.com/vpsbot/vpsbot/slackbot/webapi"
)

// buckets go from a read of a local file to the longest call.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

// maxScrapes is how many scrapes are answered at once.
const maxScrapes = 4

// Metrics counts what a process does. Make one with New; its methods may be called concurrently. All but Handler may be
// called on nil, which counts nothing.
type Metrics struct {
	sources           Sources
	counted           map[*metric]*metrics.Set // the series of each counter and histogram
	underWay, waiting atomic.Int64
	figures           ttl.Cache[store.Figures]
}

// New makes the metrics of a process.
func New(s Sources) *Metrics {
	m := &Metrics{sources: s, counted: map[*metric]*metrics.Set{}}
	m.figures.Fresh, m.figures.Now = storeFresh, time.Now
	m.figures.Pause = func(error) time.Duration { return storeFresh }
	for _, d := range all {
		m.counted[d] = metrics.NewSet()
		if d.kind == counter {
			m.begin(d)
		}
	}
	return m
}

// begin shows a counter of at most one label as 0 from the start: otherwise its first increase would be lost.
func (m *Metrics) begin(d *metric) {
	switch len(d.labels) {
	case 0:
		m.add(d, 0)
	case 1:
		for _, value := range d.labels[0].values {
			m.add(d, 0, value)
		}
	}
}

// Handler serves GET /metrics.
func (m *Metrics) Handler() http.Handler {
	places := make(chan struct{}, maxScrapes)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		default:
			http.Error(w, "too many scrapes at once", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = w.Write(m.scrape()) // the one who reads it may have gone
		metrics.WriteProcessMetrics(w)
		metrics.WriteFDMetrics(w)
	})
	return mux
}

// scrape returns all metrics that have a value at this moment.
func (m *Metrics) scrape() []byte {
	gauges := m.gauges()
	var out, series bytes.Buffer
	for _, d := range all {
		series.Reset()
		m.counted[d].WritePrometheus(&series)
		for _, s := range gauges[d] {
			fmt.Fprintln(&series, d.series(s.labels), s.value)
		}
		if series.Len() > 0 {
			fmt.Fprintf(&out, "# HELP %s %s\n# TYPE %s %s\n%s", d.name, d.help, d.name, d.kind, &series)
		}
	}
	return out.Bytes()
}

// series is the name of a metric with its labels.
func (m *metric) series(values []string) string {
	name, before := append(make([]byte, 0, 128), m.name...), byte('{')
	for i, value := range m.bounded(values) {
		name = append(append(name, before), m.labels[i].name...)
		name = append(append(append(name, `="`...), value...), '"')
		before = ','
	}
	if before == ',' {
		name = append(name, '}')
	}
	return string(name)
}

func (m *Metrics) add(d *metric, n int, values ...string) {
	if m != nil {
		m.counted[d].GetOrCreateCounter(d.series(values)).Add(n)
	}
}

func (m *Metrics) time(d *metric, took time.Duration, values ...string) {
	if m != nil {
		m.counted[d].GetOrCreatePrometheusHistogramExt(d.series(values), buckets).Update(took.Seconds())
	}
}

// Answered counts a message over MCP. It and the next three are the Observer of package mcpserver.
func (m *Metrics) Answered(method, era string, status int, took time.Duration) {
	m.add(mcpRequests, 1, strconv.Itoa(status), era, method)
	m.time(mcpSeconds, took, method)
}

// UnderWay adds to the messages that are being answered.
func (m *Metrics) UnderWay(change int) {
	if m != nil {
		m.underWay.Add(int64(change))
	}
}

// Waiting adds to the calls that wait for a person.
func (m *Metrics) Waiting(change int) {
	if m != nil {
		m.waiting.Add(int64(change))
	}
}

// Refused counts a request that was refused before its message was read.
func (m *Metrics) Refused(why string) { m.add(refused, 1, why) }

// Received counts a delivery of Slack's.
func (m *Metrics) Received(kind transport.Kind) { m.add(slackReceived, 1, string(kind)) }

// Acknowledged counts the acknowledgement of a delivery.
func (m *Metrics) Acknowledged(kind transport.Kind, took time.Duration) {
	m.time(slackAcknowledged, took, string(kind))
}

// NotStored counts a delivery that could not be stored.
func (m *Metrics) NotStored() { m.add(slackNotStored, 1) }

// SlackCall counts a request to Slack.
func (m *Metrics) SlackCall(method string, outcome webapi.Outcome) {
	m.add(slackCalls, 1, method, string(outcome))
}

// StoreAccess counts a transaction.
func (m *Metrics) StoreAccess(a store.Access) {
	m.time(storeSeconds, a.Took, string(a.Kind))
	if a.Failure != "" {
		m.add(storeErrors, 1, string(a.Failure))
	}
}

// UpstreamCall counts a call to VPS.org's API.
func (m *Metrics) UpstreamCall(c apiclient.Call) {
	code := strconv.Itoa(c.Status/100) + "xx"
	switch {
	case c.Status == 0 && c.Attempts == 0:
		code = notSent
	case c.Status == 0:
		code = noAnswer
	}
	m.add(upstreamCalls, 1, code, c.Method)
	m.add(upstreamRetries, max(c.Attempts-1, 0))
	m.time(upstreamSeconds, c.Duration, c.Method)
}
