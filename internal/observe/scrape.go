package observe

import (
	"context"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/store"
)

// Sources are where a scrape reads what is at this moment. All functions are called concurrently.
type Sources struct {
	Client      func() apiclient.Stats
	Slack       func() bool                                  // whether people can be served there; nil: Slack is not served
	Store       func(context.Context) (store.Figures, error) // may take long, or not return
	Connections func() map[store.Kind]store.Connections      // waits for nothing; nil if the store is not open
}

const (
	storeWait  = 2 * time.Second  // of a scrape
	storeLimit = 10 * time.Second // of a read whose scrape has ended
	storeFresh = 5 * time.Second  // how long an answer of the store counts, an error too
)

// sample is a value of a metric at this moment.
type sample struct {
	of     *metric
	value  float64
	labels []string
}

// gauges are the samples of this moment.
func (m *Metrics) gauges() map[*metric][]sample {
	out := map[*metric][]sample{}
	for _, s := range append(m.ofConnections(), m.ofStore()...) {
		out[s.of] = append(out[s.of], s)
	}
	return out
}

// ofConnections are the samples that are read without waiting.
func (m *Metrics) ofConnections() (out []sample) {
	client := m.sources.Client()
	out = append(out,
		sample{mcpUnderWay, float64(m.underWay.Load()), nil},
		sample{mcpWaiting, float64(m.waiting.Load()), nil},
		sample{upstreamConnections, float64(client.Connections), nil},
		sample{upstreamCircuit, truth(client.ReadsPaused), []string{string(store.Read)}},
		sample{upstreamCircuit, truth(client.WritesPaused), []string{string(store.Write)}},
	)
	if m.sources.Slack != nil {
		out = append(out, sample{slackConnected, truth(m.sources.Slack()), nil})
	}
	for kind, of := range m.sources.Connections() {
		out = append(out,
			sample{storeConnections, float64(of.InUse), []string{string(kind), "in_use"}},
			sample{storeConnections, float64(of.Idle), []string{string(kind), "idle"}},
		)
	}
	return out
}

// ofStore are the samples that the store is asked for. A store that hangs is asked once at a time.
func (m *Metrics) ofStore() []sample {
	ctx, cancel := context.WithTimeout(context.Background(), storeWait)
	defer cancel()
	figures, err := m.figures.Get(ctx, "", func(ctx context.Context) (store.Figures, error) {
		ctx, cancel := context.WithTimeout(ctx, storeLimit)
		defer cancel()
		return m.sources.Store(ctx)
	})
	if err != nil {
		return []sample{{storeUp, 0, nil}}
	}
	return append(samplesOf(figures), sample{storeUp, 1, nil})
}

func samplesOf(f store.Figures) []sample {
	out := []sample{
		{approvalsOldest, f.Pending.Seconds(), nil}, {approvalsHuman, float64(f.NeedsHuman), nil}, {auditRows, float64(f.Rows), nil},
	}
	for _, state := range approvals.labels[0].values {
		out = append(out, sample{approvals, float64(f.Open[approval.State(state)]), []string{state}})
	}
	if f.HasKey || f.Signed > 0 {
		out = append(out, sample{auditUnsigned, float64(f.Rows - f.Signed), nil})
	}
	if f.Signed > 0 {
		out = append(out, sample{auditCheckpoint, f.Checkpoint.Seconds(), nil}, sample{auditBehind, f.Behind.Seconds(), nil})
	}
	return out
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
