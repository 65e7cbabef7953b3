package runner_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/policy"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/testkit"
	"github.com/vpsbot/vpsbot/tools"
)

// BenchmarkRead compares a read through the Runner, text and structured content included,
// with the same read of the bare client. Both in process: no socket is measured.
func BenchmarkRead(b *testing.B) {
	w := newWorldWith(b, "vps_demo", simulator.Options{})
	id, err := apiclient.ParseID("12345")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("client", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := w.runner.Client.Servers.Get(b.Context(), id); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("runner", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			reply := w.runner.Run(b.Context(), call("servers.get", `{"server":"12345"}`))
			if reply.Text() == "" || len(reply.Structured()) == 0 {
				b.Fatal(reply.Message)
			}
		}
	})
}

// BenchmarkPolicy lists a fleet, and finds one of its servers by name, without a policy and under one of 5,000 rules
// and 500 people of which a third are about everybody. The API's answer is canned: what differs is the policy.
//
//	VPSBOT_BENCH=full go test ./internal/runner -run '^$' -bench Policy
func BenchmarkPolicy(b *testing.B) {
	servers, rules := 1000, 500
	if os.Getenv("VPSBOT_BENCH") == "full" {
		servers, rules = 10_000, 5000
	}
	w := newWorldWith(b, "vps_demo", simulator.Options{})
	w.runner = w.runnerOn(fleetOf(b, w.sim.Transport(), servers), "process-1", "vps_demo")
	for _, c := range []struct{ operation, input, found string }{
		{"servers.list", "{}", "app-3-web"}, {"servers.get", `{"server":"app-3-web"}`, "app-3-web"},
	} {
		var without float64
		for _, rules := range []int{0, rules} {
			w.policy.Book = nil
			if rules > 0 {
				d, err := policy.Load(testkit.BigPolicy(rules, rules/10), policyOperations())
				require.NoError(b, err)
				w.policy.Book = d.Book
			}
			asker := call(c.operation, c.input)
			asker.Actor, asker.Limit = "key:laptop-7", servers
			b.Run(fmt.Sprintf("%s/%d-servers/%d-rules", c.operation, servers, rules), func(b *testing.B) {
				var reply runner.Reply
				for b.Loop() {
					reply = w.runner.Run(b.Context(), asker)
				}
				require.Contains(b, string(reply.JSON()), c.found, reply.Message)
				ms := b.Elapsed().Seconds() * 1000 / float64(b.N)
				if rules == 0 {
					without = ms
				}
				b.ReportMetric(ms, "ms")
				b.ReportMetric(ms-without, "ms-for-policy")
			})
		}
	}
}

func policyOperations() (all []policy.Operation) {
	for _, op := range (*tools.Catalogue)(nil).Operations() {
		all = append(all, policy.Operation{Name: op.Name, Risk: op.Risk, OnServer: op.Resource.OnServer(), Renames: op.Renames()})
	}
	return all
}

// fleetOf answers reads of servers with a fleet of servers that are named app-N-web, and all else as the transport
// behind it.
func fleetOf(b *testing.B, behind http.RoundTripper, size int) http.RoundTripper {
	req, err := http.NewRequest(http.MethodGet, "http://localhost/api/v1/servers/12345/", nil)
	require.NoError(b, err)
	req.Header.Set("Authorization", "Bearer vps_demo")
	resp, err := behind.RoundTrip(req)
	require.NoError(b, err)
	var sample map[string]any
	require.NoError(b, json.NewDecoder(resp.Body).Decode(&sample))
	bodies, each := map[string][]byte{}, make([]json.RawMessage, size)
	for i := range size {
		sample["id"], sample["name"] = i+1, fmt.Sprintf("app-%d-web", i)
		each[i], err = json.Marshal(sample)
		require.NoError(b, err)
		bodies[fmt.Sprintf("/api/v1/servers/%d/", i+1)] = each[i]
	}
	bodies["/api/v1/servers/"], err = json.Marshal(map[string]any{"count": size, "next": nil, "results": each})
	require.NoError(b, err)
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		body, ours := bodies[req.URL.Path]
		if !ours {
			return behind.RoundTrip(req)
		}
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)), Request: req}, nil
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
