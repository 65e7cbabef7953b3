package simulator

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"
)

// readBody takes the whole body, and one byte more than allowed of one too long, and leaves a copy for
// whoever reads it next.
func readBody(r *http.Request) []byte {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	// A body that breaks off is malformed JSON, which is answered as such.
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body
}

// wait says whether the time has passed, rather than the caller gone.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
