package apiclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The server returns the token in each part of an answer.
func TestTokenIsRedactedEverywhere(t *testing.T) {
	escaped := strings.ReplaceAll(secret, "v", `\u0076`)
	for name, answer := range map[string]http.HandlerFunc{
		"error":         always(400, `{"detail":"Bearer `+secret+`","name":["`+secret+`"]}`),
		"escaped error": always(400, `{"detail":"`+escaped+`","`+escaped+`":["`+escaped+`"]}`),
		"plain text":    always(500, "Authorization: Bearer "+secret),
		"page":          withType("text/html", 403, "<title>"+secret+"</title>"),
		"success":       always(200, `{"id":"`+secret+`","name":"`+secret+`","new":["`+secret+`"],"message":"`+escaped+`"}`),
		"wrong success": always(200, `{"id":1,"plan":"`+secret+`"}`),
		"wrong number":  always(200, `{"id":1,"plan":{"vcpus":"`+secret+`"}}`),
		"wrong id":      always(200, `{"id":"/`+secret+`"}`),
		"not HTTP":      hijack("HTTP/9 " + secret + "\r\n\r\n"),
		"odd header":    hijack("HTTP/1.1 200 OK\r\n" + secret + "\r\n\r\n"),
		"status line":   hijack("HTTP/1.1 499 " + secret + "\r\nContent-Length: 0\r\n\r\n"),
		"odd length":    hijack("HTTP/1.1 200 OK\r\nContent-Length: " + secret + "\r\n\r\n"),
		"long line":     hijack("HTTP/9" + strings.Repeat(" ", 5000) + secret + "\r\n\r\n"),
		"redirect":      hijack("HTTP/1.1 302 Found\r\nLocation: https://evil.example/" + secret + "\r\nContent-Length: 0\r\n\r\n"),
		"odd redirect":  hijack("HTTP/1.1 307 Found\r\nLocation: ://" + secret + "%\r\nContent-Length: 0\r\n\r\n"),
		"header": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Echo", r.Header.Get("Authorization"))
			w.WriteHeader(418)
		},
		"other next": always(200, `{"results":[],"next":"https://evil.example/?`+secret+`"}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			f := newFake(t, answer)
			c := f.client(t, func(o *Options) {
				o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			})
			server, err := c.Servers.Get(t.Context(), someID)
			hasNoSecret(t, server, err)
			list, err := c.Servers.List(t.Context(), ServerFilter{})
			hasNoSecret(t, list, err)
			server, err = c.Servers.Update(t.Context(), someID, UpdateServer{Name: new("a")})
			hasNoSecret(t, server, err)
			require.NotContains(t, log.String(), secret)
		})
	}
}

func hasNoSecret(t *testing.T, result any, err error) {
	t.Helper()
	require.NotContains(t, fmt.Sprintf("%v %+v", result, result), secret)
	for e := err; e != nil; e = errors.Unwrap(e) {
		require.NotContains(t, fmt.Sprintf("%v %+v %#v", e, e, e), secret)
		require.Less(t, len(e.Error()), 3*maxMessage)
	}
}

// The client sends the token to no other host, after a redirect or a next link.
func TestTokenIsSentToNoOtherHost(t *testing.T) {
	evil := newFake(t, always(200, `{"id":1}`))
	for _, status := range []int{301, 302, 303, 307, 308} {
		f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", evil.url+r.URL.Path)
			w.WriteHeader(status)
		})
		for _, err := range []error{
			second(f.client(t).Servers.Get(t.Context(), someID)),
			f.client(t).Servers.Delete(t.Context(), someID),
			second(f.client(t).Servers.Update(t.Context(), someID, UpdateServer{Name: new("a")})),
		} {
			require.Equal(t, KindRedirect, asError(t, err).Kind)
			require.Equal(t, status, asError(t, err).Status)
			require.False(t, asError(t, err).Unknown)
		}
		require.Len(t, f.requests(), 3)
	}
	require.Empty(t, evil.requests())
}

func TestUseToken(t *testing.T) {
	f := newFake(t, always(200, `[]`))
	for want, ctx := range map[string]context.Context{"pinned": UseToken(t.Context(), "pinned"), secret: t.Context()} {
		require.NoError(t, second(f.client(t).Servers.List(ctx, ServerFilter{})))
		got := f.requests()
		require.Equal(t, "Bearer "+want, got[len(got)-1].header.Get("Authorization"))
	}
}
