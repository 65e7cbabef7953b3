package simulator

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
)

// answer is a response: a status and what to encode as its body, nil for none.
type answer struct {
	status  int
	body    any
	page    string // a web page in place of a body
	header  http.Header
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
	return fail(http.StatusUnauthorized, message).with("WWW-Authenticate", "Bearer")
}

// with adds a header.
func (a *answer) with(name, value string) *answer {
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set(name, value)
	return a
}

// noRoute is what Django says where no view is: a web page, whoever asks.
func noRoute() *answer {
	return &answer{status: http.StatusNotFound, page: `<!doctype html>
<html lang="en">
<head>
  <title>Not Found</title>
</head>
<body>
  <h1>Not Found</h1><p>The requested resource was not found on this server.</p>
</body>
</html>
`}
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
	maps.Copy(w.Header(), a.header)
	contentType := "application/json"
	if a.page != "" {
		a.payload, contentType = []byte(a.page), "text/html; charset=utf-8"
	}
	if a.payload != nil {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Length", strconv.Itoa(len(a.payload)))
	}
	w.WriteHeader(a.status)
	if a.payload != nil {
		_, _ = w.Write(a.payload)
	}
}
