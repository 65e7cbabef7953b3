package runner_test

import (
	"testing"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/apiclient/simulator"
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
