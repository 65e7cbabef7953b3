package fakeslack

import (
	"bytes"
	"context"
	"mime/multipart"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// uploads posts a file as a part of a form, as clients do.
func (w *world) uploads(to, content string) {
	w.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "x.csv")
	require.NoError(w, err)
	_, _ = part.Write([]byte(content))
	require.NoError(w, form.Close())
	resp, err := http.Post(to, form.FormDataContentType(), &body)
	require.NoError(w, err)
	resp.Body.Close()
}

func (w *world) try(d time.Duration) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(w.Context(), d)
	defer cancel()
	resp, err := w.call(ctx, w.Options().BotToken, "chat.postMessage", obj{"channel": "C1", "text": "x"})
	if err == nil {
		resp.Body.Close()
	}
	return resp, err
}

func TestFaults(t *testing.T) {
	w := newWorld(t)
	w.Fail("chat.postMessage", Fault{Status: 429, RetryAfter: 7, Times: 2})
	for range 2 {
		resp, err := w.try(time.Second)
		require.NoError(t, err)
		require.Equal(t, 429, resp.StatusCode)
		require.Equal(t, "7", resp.Header.Get("Retry-After"))
	}
	require.Equal(t, true, w.post("chat.postMessage", obj{"channel": "C1", "text": "x"})["ok"], "twice is over")

	w.Fail("*", Fault{Error: "fatal_error"})
	require.Equal(t, "fatal_error", w.post("auth.test", obj{})["error"])
	require.Equal(t, "fatal_error", w.post("auth.test", obj{})["error"])
	w.Heal()
	require.Equal(t, true, w.post("auth.test", obj{})["ok"])

	w.Fail("chat.postMessage", Fault{Hang: time.Minute, Times: 1})
	_, err := w.try(50 * time.Millisecond)
	require.Error(t, err)
	require.Len(t, w.Messages("C1"), 1, "what hung was not done")

	w.Fail("chat.postMessage", Fault{Hang: 30 * time.Millisecond, Times: 1})
	_, err = w.try(time.Second)
	require.NoError(t, err, "late, but done")
	require.Len(t, w.Messages("C1"), 2)

	w.Down(true)
	_, err = w.try(time.Second)
	require.Error(t, err)
	w.Down(false)
	_, err = w.try(time.Second)
	require.NoError(t, err)
	w.clean()
}
