package simulator

import (
	"bytes"
	"io"
	"net/http"
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
