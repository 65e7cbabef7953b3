package apiclient

import (
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
)

// BenchmarkGet compares a read through all links with the same read through net/http alone. Both figures
// include the server, which is in the same process.
func BenchmarkGet(b *testing.B) {
	body := readExamples(b)["GET /api/v1/servers/{server_id}/"].Response
	f := newBenchFake(b, body)
	b.Run("client", func(b *testing.B) {
		c := testClient(b, func(o *Options) { o.BaseURL = f + "/api/v1" })
		b.ReportAllocs()
		for b.Loop() {
			_, err := c.Servers.Get(b.Context(), someID)
			require.NoError(b, err)
		}
	})
	b.Run("bare", func(b *testing.B) {
		client := &http.Client{Transport: newTransport(new(atomic.Int64))}
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, bareGet(client, f+"/api/v1/servers/12345/"))
		}
	})
}

func bareGet(client *http.Client, url string) error {
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var out Server
	return json.Unmarshal(data, &out)
}
