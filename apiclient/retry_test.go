package apiclient

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// script has an answer for each attempt; the last is repeated.
type script []func() (*http.Response, error)

func (s script) play(sent *int) roundTrip {
	return func(*http.Request) (*http.Response, error) {
		*sent++
		return s[min(*sent, len(s))-1]()
	}
}

func responds(status int, body string, header ...string) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		resp := reply(status, body)
		for i := 0; i < len(header); i += 2 {
			resp.Header.Set(header[i], header[i+1])
		}
		return resp, nil
	}
}

func fails(err error) func() (*http.Response, error) {
	return func() (*http.Response, error) { return nil, err }
}

func breaksOff() (*http.Response, error) {
	resp := reply(200, "")
	resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"id":`), iotest.ErrReader(io.ErrUnexpectedEOF)))
	return resp, nil
}

func TestRetryOfReads(t *testing.T) {
	ok := responds(200, `{"id":1}`)
	dial := &net.OpError{Op: "dial", Err: errors.New("refused")}
	for name, tc := range map[string]struct {
		script   script
		sent     int
		kind     Kind
		min, max time.Duration
	}{
		"fine":                  {script{ok}, 1, "", 0, 0},
		"503 then fine":         {script{responds(503, ""), ok}, 2, "", minBackoff, 2 * maxBackoff},
		"503 with seconds":      {script{responds(503, "", "Retry-After", "7"), ok}, 2, "", 7 * time.Second, 7 * time.Second},
		"429 with seconds":      {script{responds(429, "", "Retry-After", "3"), ok}, 2, "", 3 * time.Second, 3 * time.Second},
		"429 with a date":       {script{responds(429, "", "Retry-After", "Sat, 01 Jan 2000 00:00:04 GMT"), ok}, 2, "", 4 * time.Second, 4 * time.Second},
		"429 with a past date":  {script{responds(429, "", "Retry-After", "Sat, 01 Jan 1999 00:00:04 GMT"), ok}, 2, "", minBackoff, 2 * maxBackoff},
		"429 for too long":      {script{responds(429, "", "Retry-After", "11"), ok}, 1, KindRateLimited, 0, 0},
		"429 beyond the budget": {script{responds(429, "", "Retry-After", "8"), responds(429, "", "Retry-After", "8"), ok}, 2, KindRateLimited, 8 * time.Second, 8 * time.Second},
		"502 twice":             {script{responds(502, ""), responds(502, ""), ok}, 3, "", 2 * minBackoff, 4 * maxBackoff},
		"504 for ever":          {script{responds(504, `{"detail":"x"}`)}, 3, KindServer, 2 * minBackoff, 4 * maxBackoff},
		"500":                   {script{responds(500, ""), ok}, 1, KindServer, 0, 0},
		"404":                   {script{responds(404, ""), ok}, 1, KindNotFound, 0, 0},
		"301":                   {script{responds(301, "", "Location", "/elsewhere/"), ok}, 1, KindRedirect, 0, 0},
		"307, odd address":      {script{responds(307, "", "Location", ":%"), ok}, 1, KindRedirect, 0, 0},
		"broken then fine":      {script{fails(io.EOF), ok}, 2, "", minBackoff, 2 * maxBackoff},
		"body broken then fine": {script{breaksOff, ok}, 2, "", minBackoff, 2 * maxBackoff},
		"broken for ever":       {script{fails(io.EOF)}, 3, KindNetwork, 2 * minBackoff, 4 * maxBackoff},
		"cannot connect":        {script{fails(dial), ok}, 2, "", minBackoff, 2 * maxBackoff},
		"no such host":          {script{fails(&net.DNSError{IsNotFound: true}), ok}, 1, KindNetwork, 0, 0},
		"name server is down":   {script{fails(&net.DNSError{IsTemporary: true}), ok}, 2, "", minBackoff, 2 * maxBackoff},
		"certificate":           {script{fails(&tls.CertificateVerificationError{Err: io.EOF}), ok}, 1, KindNetwork, 0, 0},
		"timeout":               {script{fails(context.DeadlineExceeded), ok}, 1, KindTimeout, 0, 0},
		"not JSON":              {script{responds(200, "<html>"), ok}, 1, KindDecode, 0, 0},
		"too large":             {script{responds(200, strings.Repeat(" ", maxBody+1)), ok}, 1, KindDecode, 0, 0},
		"empty":                 {script{responds(200, ""), ok}, 1, KindDecode, 0, 0},
		"no id":                 {script{responds(200, "{}"), ok}, 1, KindDecode, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sent int
				c, start := testClient(t, withTransport(tc.script.play(&sent))), time.Now()
				got, err := c.Servers.Get(t.Context(), someID)
				took := time.Since(start)
				require.Equal(t, tc.sent, sent)
				require.GreaterOrEqual(t, took, tc.min)
				require.LessOrEqual(t, took, tc.max)
				if tc.kind == "" {
					require.NoError(t, err)
					require.True(t, got.ID.Equal(number("1")))
					return
				}
				require.Equal(t, tc.kind, asError(t, err).Kind)
				require.False(t, asError(t, err).Unknown, "a read is never unknown")
			})
		})
	}
}

func TestRetryAfterInErrors(t *testing.T) {
	for _, status := range []int{429, 503} {
		c := testClient(t, withTransport(script{responds(status, "", "Retry-After", "120")}.play(new(int))))
		apiErr := asError(t, second(c.Servers.Get(t.Context(), someID)))
		require.Equal(t, 2*time.Minute, apiErr.RetryAfter)
		require.Equal(t, "Wait 2 minutes and try again.", apiErr.Next())
		require.True(t, apiErr.Temporary())
	}
}

func TestCancelledBetweenAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent int
		c := testClient(t, withTransport(script{responds(503, "", "Retry-After", "9")}.play(&sent)))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		require.Equal(t, KindCanceled, asError(t, second(c.Servers.Get(ctx, someID))).Kind)
		require.Equal(t, 1, sent)
	})
}
