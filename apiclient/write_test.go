package apiclient

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// writes has a call of each kind that changes an object.
var writes = map[string]func(context.Context, *Client) error{
	"create": func(ctx context.Context, c *Client) error {
		return second(c.Servers.Create(ctx, CreateServer{Name: "a", PlanID: someID, OSID: someID}))
	},
	"backup": func(ctx context.Context, c *Client) error {
		return second(c.Backups.Create(ctx, CreateBackup{ServerID: someID}))
	},
	"snapshot": func(ctx context.Context, c *Client) error {
		return second(c.Snapshots.Create(ctx, CreateSnapshot{ServerID: someID}))
	},
	"start":   func(ctx context.Context, c *Client) error { return second(c.Servers.Start(ctx, someID)) },
	"restore": func(ctx context.Context, c *Client) error { return second(c.Servers.Restore(ctx, someID, someID)) },
	"patch": func(ctx context.Context, c *Client) error {
		return second(c.Servers.Update(ctx, someID, UpdateServer{Name: new("a")}))
	},
	"put": func(ctx context.Context, c *Client) error {
		return second(c.Servers.Replace(ctx, someID, ReplaceServer{}))
	},
	"delete": func(ctx context.Context, c *Client) error { return c.Servers.Delete(ctx, someID) },
}

// hijack answers with raw bytes and closes the connection.
func hijack(raw string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, buf, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = buf.WriteString(raw)
		_ = buf.Flush()
		_ = conn.Close()
	}
}

func withType(contentType string, status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// A write is sent once, whatever the answer, and its outcome is unknown if it may have been done.
func TestWriteAnswers(t *testing.T) {
	huge := strings.Repeat(" ", maxBody+1)
	for name, tc := range map[string]struct {
		answer  http.HandlerFunc
		kind    Kind
		unknown bool
		only    string // writes of this list alone; all if empty
		not     string
	}{
		"500":                    {answer: always(500, `{"detail":"x"}`), kind: KindServer, unknown: true},
		"501":                    {answer: always(501, ``), kind: KindServer, unknown: true},
		"502":                    {answer: always(502, ``), kind: KindServer, unknown: true},
		"503":                    {answer: always(503, ``), kind: KindServer, unknown: true},
		"504":                    {answer: always(504, ``), kind: KindServer, unknown: true},
		"408":                    {answer: always(408, ``), kind: KindTimeout, unknown: true},
		"400":                    {answer: always(400, ``), kind: KindInvalid},
		"402":                    {answer: always(402, ``), kind: KindPaymentRequired},
		"404":                    {answer: always(404, ``), kind: KindNotFound},
		"429":                    {answer: always(429, ``), kind: KindRateLimited},
		"302":                    {answer: always(302, ``), kind: KindRedirect},
		"308":                    {answer: always(308, ``), kind: KindRedirect},
		"no answer":              {answer: hijack(""), kind: KindNetwork, unknown: true},
		"half a header":          {answer: hijack("HTTP/1.1 20"), kind: KindNetwork, unknown: true},
		"not HTTP":               {answer: hijack("hello\r\n\r\n"), kind: KindNetwork, unknown: true},
		"body breaks off":        {answer: hijack("HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{"), kind: KindNetwork, unknown: true},
		"failure's body breaks":  {answer: hijack("HTTP/1.1 400 Bad\r\nContent-Length: 90\r\n\r\n{"), kind: KindInvalid},
		"web page":               {answer: withType("text/html", 200, `<html></html>`), kind: KindDecode, unknown: true},
		"web page, plain header": {answer: always(200, `<html></html>`), kind: KindDecode, unknown: true},
		"too large":              {answer: always(200, huge), kind: KindDecode, unknown: true},
		"not JSON":               {answer: always(200, `ok`), kind: KindDecode, unknown: true, not: "delete"},
		"no id":                  {answer: always(201, `{"detail":"?"}`), kind: KindDecode, unknown: true, only: "create backup snapshot"},
		"empty":                  {answer: always(201, ` `), kind: KindDecode, unknown: true, only: "create backup snapshot"},
		"empty, not required":    {answer: always(200, ``), only: "start restore patch put delete"},
		"no content":             {answer: always(204, ``), only: "start restore patch put delete"},
		"odd success":            {answer: always(206, ``), kind: KindDecode, unknown: true, only: "delete"},
		"accepted":               {answer: always(202, `{"status":"x"}`), only: "start restore patch put delete"},
	} {
		for write, call := range writes {
			if tc.only != "" && !strings.Contains(tc.only, write) || tc.not == write {
				continue
			}
			t.Run(name+"/"+write, func(t *testing.T) {
				f := newFake(t, tc.answer)
				c := f.client(t)
				err := call(t.Context(), c)
				require.Len(t, f.requests(), 1, "exactly one request")
				if tc.kind == "" {
					require.NoError(t, err)
					return
				}
				apiErr := asError(t, err)
				require.Equal(t, tc.kind, apiErr.Kind)
				require.Equal(t, tc.unknown, apiErr.Unknown)
			})
		}
	}
}

// net/http must not repeat a write on a pooled connection that broke.
func TestWriteOnReusedConnection(t *testing.T) {
	for write, call := range writes {
		t.Run(write, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					always(200, `{"id":1}`)(w, r)
					return
				}
				hijack("")(w, r)
			})
			c := f.client(t)
			_, err := c.Servers.Get(t.Context(), someID)
			require.NoError(t, err)
			require.True(t, asError(t, call(t.Context(), c)).Unknown)
			require.Len(t, f.requests(), 2)
		})
	}
}

func TestWriteNeverConnected(t *testing.T) {
	plain := newFake(t, always(200, ``))
	for name, edit := range map[string]func(*Options){
		"refused":      func(*Options) {}, // nothing listens at the address of testClient
		"TLS":          func(o *Options) { o.BaseURL = strings.Replace(plain.url, "http:", "https:", 1) },
		"untraced DNS": withTransport(func(*http.Request) (*http.Response, error) { return nil, &net.DNSError{IsNotFound: true} }),
		"untraced dial": withTransport(func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Err: errors.New("no route")}
		}),
	} {
		for write, call := range writes {
			apiErr := asError(t, call(t.Context(), testClient(t, edit)))
			require.Equal(t, KindNetwork, apiErr.Kind, name+write)
			require.False(t, apiErr.Unknown, name+write)
		}
	}
	require.Empty(t, plain.requests())
}

func TestWriteThroughTransportWithoutTrace(t *testing.T) {
	c := testClient(t, withTransport(func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }))
	apiErr := asError(t, c.Servers.Delete(t.Context(), someID))
	require.True(t, apiErr.Unknown, "a transport without trace events may have sent it")
}

func TestWriteCancelled(t *testing.T) {
	arrived := make(chan struct{}, 1)
	release := make(chan struct{})
	f := newFake(t, func(http.ResponseWriter, *http.Request) { arrived <- struct{}{}; <-release })
	t.Cleanup(func() { close(release) }) // before the server waits for its handlers
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	err := f.client(t).Servers.Delete(ctx, someID)
	apiErr := asError(t, err)
	require.Equal(t, KindCanceled, apiErr.Kind)
	require.True(t, apiErr.Unknown)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, "DELETE /servers/12345/: cancelled; whether it was done is unknown", err.Error())

	err = f.client(t).Servers.Delete(ctx, someID)
	require.Equal(t, KindCanceled, asError(t, err).Kind)
	require.False(t, asError(t, err).Unknown, "its context ended before it was sent")
	require.Len(t, f.requests(), 1)
}

func TestTimeouts(t *testing.T) {
	hang := withTransport(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	dribble := withTransport(func(r *http.Request) (*http.Response, error) {
		resp := reply(200, "")
		resp.Body = io.NopCloser(bufio.NewReader(untilDone{r.Context()}))
		return resp, nil
	})
	get := func(ctx context.Context, c *Client) error { return second(c.Servers.Get(ctx, someID)) }
	for name, tc := range map[string]struct {
		transport func(*Options)
		call      func(context.Context, *Client) error
		want      time.Duration
		unknown   bool
	}{
		"a read without a header":  {hang, get, 10 * time.Second, false},
		"a read without an end":    {dribble, get, 15 * time.Second, false},
		"a write without a header": {hang, writes["create"], 60 * time.Second, true},
		"a delete without an end":  {dribble, writes["delete"], 60 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, start := testClient(t, tc.transport), time.Now()
				apiErr := asError(t, tc.call(t.Context(), c))
				require.Equal(t, KindTimeout, apiErr.Kind)
				require.Equal(t, tc.unknown, apiErr.Unknown)
				require.Equal(t, tc.want, time.Since(start))
				require.NotContains(t, apiErr.Error(), "context", "words of Go")
			})
		})
	}
}

// untilDone is a body that ends with its context.
type untilDone struct{ ctx context.Context }

func (u untilDone) Read([]byte) (int, error) {
	<-u.ctx.Done()
	return 0, u.ctx.Err()
}

func TestHeaderTimeoutClosesALateAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := &closeCounter{Reader: strings.NewReader(`{"id":1}`)}
		c := testClient(t, withTransport(func(*http.Request) (*http.Response, error) {
			time.Sleep(headerLimit)
			synctest.Wait()
			time.Sleep(time.Millisecond)
			resp := reply(200, "")
			resp.Body = body
			return resp, nil
		}))
		require.Equal(t, KindTimeout, asError(t, second(c.Servers.Get(t.Context(), someID))).Kind)
		require.Equal(t, 1, body.closed)
	})
}

type closeCounter struct {
	io.Reader
	closed int
}

func (c *closeCounter) Close() error { c.closed++; return nil }
