package simulator

import (
	_ "embed"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// response is an answer: a status, and what to encode as its body, nil for none.
type response struct {
	status  int
	body    any
	header  http.Header
	payload []byte // the encoded body, or a web page instead
}

func ok(body any) *response      { return &response{status: http.StatusOK, body: body} }
func created(body any) *response { return &response{status: http.StatusCreated, body: body} }
func deleted() *response         { return &response{status: http.StatusNoContent} }

func fail(status int, message string) *response {
	return (&response{status: status, body: object{{"detail", message}}}).encode()
}

func badRequest(message string) *response { return fail(http.StatusBadRequest, message) }
func notFound() *response                 { return fail(http.StatusNotFound, "Not found.") }

func unauthorized(message string) *response {
	return fail(http.StatusUnauthorized, message).with("WWW-Authenticate", "Bearer")
}

func (r *response) with(name, value string) *response {
	if r.header == nil {
		r.header = http.Header{}
	}
	r.header.Set(name, value)
	return r
}

//go:embed not_found.html
var notFoundPage []byte

// noRoute is Django's answer for a path without a view: a web page.
func noRoute() *response {
	return (&response{status: http.StatusNotFound, payload: notFoundPage}).with("Content-Type", "text/html; charset=utf-8")
}

// encode encodes the body, which must be done while the world is still locked.
func (r *response) encode() *response {
	if r.body == nil || r.payload != nil {
		return r
	}
	payload, err := json.Marshal(r.body, json.Deterministic(true), jsontext.EscapeForJS(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return fail(http.StatusInternalServerError, "Internal server error: "+err.Error())
	}
	r.payload = payload
	return r.with("Content-Type", "application/json")
}

func (r *response) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), r.header)
	if r.payload != nil {
		w.Header().Set("Content-Length", strconv.Itoa(len(r.payload)))
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(r.payload)
}

// object is a JSON object whose members are in the documentation's order.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSONTo encodes the members in their order.
func (o object) MarshalJSONTo(enc *jsontext.Encoder) error {
	if err := enc.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, m := range o {
		if err := enc.WriteToken(jsontext.String(m.name)); err != nil {
			return err
		}
		if err := json.MarshalEncode(enc, m.value); err != nil {
			return err
		}
	}
	return enc.WriteToken(jsontext.EndObject)
}

func orNull[T comparable](value T) any {
	var zero T
	if value == zero {
		return nil
	}
	return value
}

// stamp formats a time as the documentation does, and encodes the zero time as null.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// fault is an injected failure, after the requested change or without it.
type fault struct {
	changed bool
	write   func(http.ResponseWriter)
}

var faults = [...]fault{
	{changed: false, write: fail(http.StatusInternalServerError, "Internal server error.").write},
	{changed: true, write: badGateway},
	{changed: false, write: fail(http.StatusTooManyRequests, "Request was throttled. Expected available in 1 second.").with("Retry-After", "1").write},
	{changed: false, write: reset},
	{changed: true, write: reset},
}

func (s *Simulator) nextFault() *fault {
	if s.opts.FailRate <= 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.random.Float64() >= s.opts.FailRate {
		return nil
	}
	return &faults[s.random.IntN(len(faults))]
}

// badGateway is the answer of a proxy in front of the API, so it is not JSON.
func badGateway(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = io.WriteString(w, "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n")
}

// reset breaks the connection, with a TCP reset if there is a TCP connection.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
