package apiclient

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

const secret = "vps_secret_0123456789"

// fake is an API that answers by a function and records the requests.
type fake struct {
	url  string
	mu   sync.Mutex
	seen []seen
}

type seen struct {
	method, path, query, body string
	header                    http.Header
}

func (f *fake) requests() []seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]seen(nil), f.seen...)
}

func (f *fake) record(r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, seen{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, string(body), r.Header.Clone()})
}

func newFake(t testing.TB, h http.HandlerFunc) *fake {
	f := &fake{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.record(r)
		h(w, r)
	}))
	t.Cleanup(server.Close)
	f.url = server.URL + "/api/v1"
	return f
}

// client returns a client of the fake, with the options changed by edit.
func (f *fake) client(t testing.TB, edit ...func(*Options)) *Client {
	return testClient(t, append([]func(*Options){func(o *Options) { o.BaseURL = f.url }}, edit...)...)
}

func testClient(t testing.TB, edit ...func(*Options)) *Client {
	transport := newTransport(new(atomic.Int64))
	t.Cleanup(transport.CloseIdleConnections)
	o := Options{
		BaseURL:   "http://127.0.0.1:1/api/v1",
		Token:     func() (string, error) { return secret, nil },
		Transport: transport,
	}
	for _, e := range edit {
		e(&o)
	}
	c, err := New(o)
	require.NoError(t, err)
	return c
}

// always is a handler that always responds in the same way.
func always(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func withTransport(f roundTrip) func(*Options) { return func(o *Options) { o.Transport = f } }

func reply(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{}, ContentLength: -1,
		Body: io.NopCloser(strings.NewReader(body)),
	}
}

func asError(t testing.TB, err error) *Error {
	t.Helper()
	var apiErr *Error
	require.ErrorAs(t, err, &apiErr)
	return apiErr
}

var someID = ID{scalar{"12345", true}}

// newBenchFake serves one body and records nothing.
func newBenchFake(t testing.TB, body []byte) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	t.Cleanup(server.Close)
	return server.URL
}
