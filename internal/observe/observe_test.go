package observe

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/store"
)

// sources are those of a process in which something of everything is.
func sources() Sources {
	return Sources{
		Client: func() apiclient.Stats { return apiclient.Stats{Connections: 3, WritesPaused: true} },
		Slack:  func() bool { return true },
		Store: func(context.Context) (store.Figures, error) {
			return store.Figures{
				Open: map[approval.State]int{approval.Pending: 2}, Pending: time.Minute, NeedsHuman: 1,
				Rows: 12, HasKey: true, Signed: 10, Checkpoint: time.Hour, Behind: 30 * time.Second,
			}, nil
		},
		Connections: func() map[store.Kind]store.Connections {
			return map[store.Kind]store.Connections{store.Read: {InUse: 1, Idle: 2}, store.Write: {}}
		},
	}
}

// busy is a process in which each metric has counted something, of outsiders too.
func busy() *Metrics {
	m := New(sources())
	m.Answered("tools/call", "2026", 200, time.Second)
	m.Answered("evil\nmethod", "vpsbot_secret", 299, time.Second)
	m.UnderWay(1)
	m.Waiting(1)
	m.Refused("host")
	m.Refused("web-server-01")
	m.Received("command")
	m.Received("web-server-01")
	m.Acknowledged("command", time.Second)
	m.NotStored()
	m.SlackCall("chat.postMessage", "ok")
	m.SlackCall("T0123/B456", "U0LEAD123")
	m.StoreAccess(store.Access{Kind: store.Write, Took: time.Second, Failure: store.Away})
	m.UpstreamCall(apiclient.Call{Method: "GET", Status: 200, Attempts: 3, Duration: time.Second})
	m.UpstreamCall(apiclient.Call{Method: "GET", Status: 999, Attempts: 1})
	m.UpstreamCall(apiclient.Call{Method: "POST", Attempts: 1})
	m.UpstreamCall(apiclient.Call{Method: "DELETE"})
	return m
}

// families are our metrics as Prometheus' own parser reads them from what is served.
func families(t *testing.T, m *Metrics) map[string]*dto.MetricFamily {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, expfmt.NewFormat(expfmt.TypeTextPlain).FormatType(), expfmt.ResponseFormat(w.Header()).FormatType())
	text := bytes.Clone(w.Body.Bytes())
	parser := expfmt.NewTextParser(model.LegacyValidation)
	ours, err := parser.TextToMetricFamilies(w.Body)
	require.NoError(t, err)
	for _, other := range others {
		require.Contains(t, ours, other)
	}
	maps.DeleteFunc(ours, func(name string, _ *dto.MetricFamily) bool { return !strings.HasPrefix(name, "vpsbot_") })
	for name := range ours {
		require.Equal(t, 1, bytes.Count(text, []byte("# TYPE "+name+" ")), "the samples of a metric stand together")
	}
	return ours
}

// What is exported is what the list says, of its type, with its labels and their values alone.
func TestExportedMetricsAreTheListedOnes(t *testing.T) {
	t.Parallel()
	got := families(t, busy())
	for _, d := range all {
		f := got[d.name]
		require.NotNil(t, f, d.name)
		delete(got, d.name)
		kinds := map[kind]dto.MetricType{counter: dto.MetricType_COUNTER, histogram: dto.MetricType_HISTOGRAM, gauge: dto.MetricType_GAUGE}
		require.Equal(t, kinds[d.kind], f.GetType(), d.name)
		require.Equal(t, d.help, f.GetHelp())
		require.IsIncreasing(t, append([]string{""}, d.labelNames()...), d.name)
		for _, sample := range f.GetMetric() {
			require.Len(t, sample.GetLabel(), len(d.labels), d.name)
			for _, pair := range sample.GetLabel() {
				at := slices.IndexFunc(d.labels, func(l label) bool { return l.name == pair.GetName() })
				require.GreaterOrEqual(t, at, 0, "%s has a label %s", d.name, pair.GetName())
				require.Contains(t, d.labels[at].values, pair.GetValue(), d.name)
			}
		}
	}
	require.Empty(t, got, "exported, and not in the list")
}

// The names follow Prometheus' conventions, by its own check.
func TestNamesFollowTheConventions(t *testing.T) {
	t.Parallel()
	problems, err := promlint.NewWithMetricFamilies(slices.Collect(maps.Values(families(t, busy())))).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
}

func value(t *testing.T, m *Metrics, name string, labels ...string) float64 {
	t.Helper()
	for _, sample := range families(t, m)[name].GetMetric() {
		var values []string
		for _, pair := range sample.GetLabel() {
			values = append(values, pair.GetValue())
		}
		if slices.Equal(values, labels) {
			return sample.GetCounter().GetValue() + sample.GetGauge().GetValue() + float64(sample.GetHistogram().GetSampleCount())
		}
	}
	return -1
}

func TestValues(t *testing.T) {
	t.Parallel()
	m := busy()
	for _, want := range []struct {
		value  float64
		name   string
		labels []string // in the order of their names
	}{
		{1, mcpRequests.name, []string{"200", "2026", "tools/call"}},
		{1, mcpRequests.name, []string{"other", "other", "other"}},
		{1, mcpSeconds.name, []string{"tools/call"}},
		{1, mcpSeconds.name, []string{"other"}},
		{1, mcpUnderWay.name, nil},
		{1, refused.name, []string{"other"}},
		{0, refused.name, []string{"store"}},
		{1, slackCalls.name, []string{"other", "other"}},
		{1, storeErrors.name, []string{"away"}},
		{0, storeErrors.name, []string{"slow"}},
		{1, upstreamCalls.name, []string{"2xx", "GET"}},
		{1, upstreamCalls.name, []string{"other", "GET"}},
		{1, upstreamCalls.name, []string{"no_answer", "POST"}},
		{1, upstreamCalls.name, []string{"not_sent", "DELETE"}},
		{2, upstreamRetries.name, nil},
		{1, upstreamCircuit.name, []string{"write"}},
		{0, upstreamCircuit.name, []string{"read"}},
		{2, storeConnections.name, []string{"read", "idle"}},
		{2, approvals.name, []string{"pending"}},
		{0, approvals.name, []string{"unknown"}},
		{60, approvalsOldest.name, nil},
		{2, auditUnsigned.name, nil},
		{3600, auditCheckpoint.name, nil},
		{30, auditBehind.name, nil},
	} {
		require.InDelta(t, want.value, value(t, m, want.name, want.labels...), 0, "%s %v", want.name, want.labels)
	}
	m.Waiting(-1)
	require.Zero(t, value(t, m, mcpWaiting.name))
}

// What does not apply is absent rather than 0: Slack where it is not served, checkpoints of a log that nobody signs.
func TestAbsentMetrics(t *testing.T) {
	t.Parallel()
	s := sources()
	s.Slack = nil
	s.Store = func(context.Context) (store.Figures, error) { return store.Figures{Rows: 5}, nil }
	got := families(t, New(s))
	for _, d := range []*metric{slackConnected, auditUnsigned, auditCheckpoint, auditBehind} {
		require.NotContains(t, got, d.name)
	}
	require.Contains(t, got, storeConnections.name)
	s.Slack = func() bool { return false }
	require.Zero(t, value(t, New(s), slackConnected.name), "served, and not connected")
	s.Store = func(context.Context) (store.Figures, error) { return store.Figures{Rows: 5, HasKey: true}, nil }
	require.InDelta(t, 5, value(t, New(s), auditUnsigned.name), 0, "the key has signed nothing")
}

func get(m *Metrics) int {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Code
}

// A histogram counts an observation in its bucket and all above.
func TestBuckets(t *testing.T) {
	t.Parallel()
	m := New(sources())
	for _, took := range []time.Duration{time.Millisecond, 40 * time.Millisecond, 50 * time.Millisecond, time.Minute, time.Hour} {
		m.Acknowledged("command", took)
	}
	h := families(t, m)[slackAcknowledged.name].GetMetric()[0].GetHistogram()
	require.EqualValues(t, 5, h.GetSampleCount())
	require.InDelta(t, 3660.091, h.GetSampleSum(), 1e-9)
	counts := map[float64]uint64{}
	for _, bucket := range h.GetBucket() {
		counts[bucket.GetUpperBound()] = bucket.GetCumulativeCount()
	}
	require.Len(t, counts, len(buckets)+1)
	require.EqualValues(t, 1, counts[.001])
	require.EqualValues(t, 1, counts[.025])
	require.EqualValues(t, 3, counts[.05])
	require.EqualValues(t, 4, counts[60])
}

// A fifth scrape at the same time is refused, so that scrapes that hang do not pile up.
func TestScrapesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		s := sources()
		s.Client = func() apiclient.Stats { <-answer; return apiclient.Stats{} }
		handler, codes, wait := New(s).Handler(), make([]int, maxScrapes), sync.WaitGroup{}
		scrape := func() int {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
			return w.Code
		}
		for i := range codes {
			wait.Go(func() { codes[i] = scrape() })
		}
		synctest.Wait()
		require.Equal(t, http.StatusServiceUnavailable, scrape())
		close(answer)
		wait.Wait()
		require.Equal(t, slices.Repeat([]int{http.StatusOK}, maxScrapes), codes)
		require.Equal(t, http.StatusOK, scrape())
	})
}

// A store that does not answer delays a scrape by two seconds and is asked once, however many scrapes there are; all
// else is exported.
func TestStoreThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answer, asked := make(chan error), atomic.Int64{}
		s := sources()
		whole := s.Store
		s.Store = func(ctx context.Context) (store.Figures, error) {
			asked.Add(1)
			if err := <-answer; err != nil { // it does not look at ctx
				return store.Figures{}, err
			}
			return whole(ctx)
		}
		m := New(s)
		for range 3 {
			began := time.Now()
			require.Equal(t, http.StatusOK, get(m))
			require.Equal(t, storeWait, time.Since(began))
		}
		require.EqualValues(t, 1, asked.Load())
		require.Zero(t, value(t, m, storeUp.name))
		require.InDelta(t, 3, value(t, m, upstreamConnections.name), 0)
		require.InDelta(t, -1, value(t, m, approvals.name, "pending"), 0, "nothing is known")

		answer <- errors.New("it is away")
		synctest.Wait()
		began := time.Now()
		require.Equal(t, http.StatusOK, get(m))
		require.Zero(t, value(t, m, storeUp.name))
		require.Zero(t, time.Since(began), "an error counts for five seconds")
		require.EqualValues(t, 1, asked.Load())

		time.Sleep(storeFresh)
		go func() { answer <- nil }()
		require.InDelta(t, 1, value(t, m, storeUp.name), 0)
		require.InDelta(t, 2, value(t, m, approvals.name, "pending"), 0)
		require.EqualValues(t, 2, asked.Load(), "an answer counts for five seconds")
	})
}
