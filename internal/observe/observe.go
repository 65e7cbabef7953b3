// Package observe exports figures of a running process in the format of Prometheus. It alone imports
// Prometheus' library, and makes nothing of it before [New] is called: a process that nobody watches has no
// registry.
package observe

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"

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
	registry          *prometheus.Registry
	counters          map[*metric]*prometheus.CounterVec
	histograms        map[*metric]*prometheus.HistogramVec
	gauges            map[*metric]*prometheus.Desc
	underWay, waiting atomic.Int64
	figures           ttl.Cache[store.Figures]
}

// New makes the metrics of a process.
func New(s Sources) *Metrics {
	m := &Metrics{
		sources: s, registry: prometheus.NewRegistry(), counters: map[*metric]*prometheus.CounterVec{},
		histograms: map[*metric]*prometheus.HistogramVec{}, gauges: map[*metric]*prometheus.Desc{},
	}
	m.figures.Fresh, m.figures.Now = storeFresh, time.Now
	m.figures.Pause = func(error) time.Duration { return storeFresh }
	in := promauto.With(m.registry)
	for _, d := range all {
		switch d.kind {
		case counter:
			m.counters[d] = in.NewCounterVec(prometheus.CounterOpts{Name: d.name, Help: d.help}, d.labelNames())
			m.begin(d)
		case histogram:
			m.histograms[d] = in.NewHistogramVec(prometheus.HistogramOpts{Name: d.name, Help: d.help, Buckets: buckets}, d.labelNames())
		case gauge:
			m.gauges[d] = prometheus.NewDesc(d.name, d.help, d.labelNames(), nil)
		}
	}
	m.registry.MustRegister(scrape{m}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// begin shows a counter of at most one label as 0 from the start: otherwise its first increase would be lost.
func (m *Metrics) begin(d *metric) {
	switch len(d.labels) {
	case 0:
		m.counters[d].WithLabelValues()
	case 1:
		for _, value := range d.labels[0].values {
			m.counters[d].WithLabelValues(value)
		}
	}
}

// Handler serves GET /metrics.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: maxScrapes, ErrorHandling: promhttp.ContinueOnError,
	}))
	return mux
}

func (m *Metrics) add(d *metric, n int, values ...string) {
	if m == nil {
		return
	}
	m.counters[d].WithLabelValues(d.bounded(values)...).Add(float64(n))
}

func (m *Metrics) time(d *metric, took time.Duration, values ...string) {
	if m == nil {
		return
	}
	m.histograms[d].WithLabelValues(d.bounded(values)...).Observe(took.Seconds())
}

// Answered counts a message over MCP. It and the next three are the Observer of package mcpserver.
func (m *Metrics) Answered(method, era string, status int, took time.Duration) {
	m.add(mcpRequests, 1, method, era, strconv.Itoa(status))
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
	m.add(upstreamCalls, 1, c.Method, code)
	m.add(upstreamRetries, max(c.Attempts-1, 0))
	m.time(upstreamSeconds, c.Duration, c.Method)
}
