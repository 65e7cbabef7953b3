package transport

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// HTTP takes what Slack sends to the addresses of the app.
type HTTP struct {
	Secret  func() (string, error) // the signing secret, asked for with each request
	Handler Handler
	Now     func() time.Time // nil: the clock of the machine
	Log     *slog.Logger     // nil: nothing is logged

	refusals, misreadings rate.Sometimes // strangers must not fill the log
}

// Routes adds the three addresses to mux: POST /slack/commands, /slack/interactivity and
// /slack/events.
func (h *HTTP) Routes(mux *http.ServeMux) {
	h.refusals.Interval, h.misreadings.Interval = time.Minute, time.Minute
	mux.HandleFunc("POST /slack/commands", h.take(readCommand))
	mux.HandleFunc("POST /slack/interactivity", h.take(readInteraction))
	mux.HandleFunc("POST /slack/events", h.take(readEvent))
}

// reader makes a delivery of a verified body. Where there is nothing to deliver its kind is empty,
// and answer is what to say at once.
type reader func(id string, body []byte) (d Delivery, answer []byte, err error)

func (h *HTTP) take(read reader) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, status := readBody(w, r)
		if status != http.StatusOK {
			refuse(w, status)
			return
		}
		signature, err := h.verify(r, body)
		switch {
		case r.URL.Path == "/slack/commands" && isCheck(body):
			acknowledge(w, nil) // Slack tries the certificate, mostly without a signature: nothing is done
		case err != nil:
			refuse(w, http.StatusUnauthorized)
		default:
			h.deliver(w, r, read, "sig:"+digest(signature), body)
		}
	}
}

func (h *HTTP) deliver(w http.ResponseWriter, r *http.Request, read reader, id string, body []byte) {
	d, answer, err := read(id, body)
	if err != nil {
		h.misreadings.Do(func() {
			logger(h.Log).Warn("Slack: a signed request is dropped", "path", r.URL.Path, "error", err)
		})
		refuse(w, http.StatusBadRequest)
		return
	}
	if d.Kind != "" {
		answer = give(r.Context(), h.Handler, d, logger(h.Log))
	}
	acknowledge(w, answer)
}

// readBody reads the whole body: what is signed is the body as it was sent.
func readBody(w http.ResponseWriter, r *http.Request) (body []byte, status int) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyLimit)) // a test's recorder has none
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, http.StatusRequestEntityTooLarge
	case err != nil:
		return nil, http.StatusBadRequest
	}
	return body, http.StatusOK
}

func (h *HTTP) verify(r *http.Request, body []byte) (signature string, err error) {
	secret, err := h.Secret()
	if err == nil {
		signature, err = verify(secret, r.Header, body, h.now())
	}
	if err != nil && !errors.Is(err, errUnsigned) { // the internet is full of what is not signed
		h.refusals.Do(func() {
			logger(h.Log).Warn("Slack: a request is refused", "path", r.URL.Path, "error", err)
		})
	}
	return signature, err
}

func (h *HTTP) now() time.Time {
	if h.Now == nil {
		return time.Now()
	}
	return h.Now()
}

// isCheck finds Slack's test of the certificate, without reading more of what nobody has vouched
// for. A command cannot look like one: in what somebody types & and = are encoded.
func isCheck(body []byte) bool {
	for field := range strings.SplitSeq(string(body), "&") {
		if field == "ssl_check=1" {
			return true
		}
	}
	return false
}

func readCommand(id string, body []byte) (d Delivery, answer []byte, err error) {
	fields, err := formFields(body)
	if err != nil {
		return Delivery{}, nil, err
	}
	d, err = command(id, fields)
	return d, nil, err
}

func readInteraction(id string, body []byte) (d Delivery, answer []byte, err error) {
	fields, err := formFields(body)
	if err != nil {
		return Delivery{}, nil, err
	}
	d, err = interaction(id, []byte(fields["payload"]))
	return d, nil, err
}

// readEvent also answers Slack's question whether the address is ours.
func readEvent(id string, body []byte) (d Delivery, answer []byte, err error) {
	var question struct{ Type, Challenge string }
	if json.Unmarshal(body, &question) == nil && question.Type == "url_verification" {
		return Delivery{}, encode(map[string]any{"challenge": question.Challenge}), nil
	}
	d, err = event(id, body)
	return d, nil, err
}

// refuse answers with the same words whatever is wrong.
func refuse(w http.ResponseWriter, status int) {
	prepare(w, "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "refused\n")
}

func acknowledge(w http.ResponseWriter, answer []byte) {
	if len(answer) == 0 {
		prepare(w, "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusOK)
		return
	}
	prepare(w, "application/json")
	_, _ = w.Write(answer)
}

func prepare(w http.ResponseWriter, contentType string) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
}
