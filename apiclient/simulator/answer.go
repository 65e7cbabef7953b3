package simulator

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
)

// answer is a response: a status and what to encode as its body, nil for none.
type answer struct {
	status  int
	body    any
	header  [2]string // one more header and its value
	payload []byte
}

// detail is the body of every error that is not about fields.
type detail struct {
	Detail string `json:"detail"`
}

func ok(body any) *answer      { return &answer{status: http.StatusOK, body: body} }
func created(body any) *answer { return &answer{status: http.StatusCreated, body: body} }
func deleted() *answer         { return &answer{status: http.StatusNoContent} }

func fail(status int, message string) *answer {
	return (&answer{status: status, body: detail{message}}).encode()
}

func badRequest(message string) *answer { return fail(http.StatusBadRequest, message) }
func notFound() *answer                 { return fail(http.StatusNotFound, "Not found.") }

func unauthorized(message string) *answer {
	a := fail(http.StatusUnauthorized, message)
	a.header = [2]string{"WWW-Authenticate", "Bearer"}
	return a
}

// encode turns the body into bytes, while the world that it was made from is still locked.
func (a *answer) encode() *answer {
	if a.body == nil || a.payload != nil {
		return a
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(a.body); err != nil {
		return fail(http.StatusInternalServerError, "Internal server error: "+err.Error())
	}
	a.payload = bytes.TrimSuffix(buffer.Bytes(), []byte("\n"))
	return a
}

func (a *answer) write(w http.ResponseWriter) {
	if a.header[0] != "" {
		w.Header().Set(a.header[0], a.header[1])
	}
	if a.payload != nil {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(a.payload)))
	}
	w.WriteHeader(a.status)
	if a.payload != nil {
		_, _ = w.Write(a.payload)
	}
}
