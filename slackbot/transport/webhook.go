package transport

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// HTTP receives deliveries over HTTP: Slack sends signed requests to the addresses of the app.
type HTTP struct {
	Secret  func() (string, error) // the signing secret, read anew for each request
	Handler Handler
	Now     func() time.Time
	Log     *slog.Logger

	logRefused, logMalformed rate.Sometimes // requests of strangers must not fill the log
}

// Routes adds the three addresses to mux: POST /slack/commands, /slack/interactivity and
// /slack/events.
func (h *HTTP) Routes(mux *http.ServeMux) {
	h.logRefused.Interval, h.logMalformed.Interval = time.Minute, time.Minute
	mux.HandleFunc("POST /slack/commands", h.handle(func(id string, body []byte) (Delivery, error) {
		return command(id, formFields(body))
	}))
	mux.HandleFunc("POST /slack/interactivity", h.handle(func(id string, body []byte) (Delivery, error) {
		return interaction(id, []byte(formFields(body)["payload"]))
	}))
	mux.HandleFunc("POST /slack/events", h.handle(event))
}

// handle verifies a request, and has the delivery handled that read makes of its body.
func (h *HTTP) handle(read func(id string, body []byte) (Delivery, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime)) // the response recorder of a test has no deadline
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))            // whole: the signature covers it as it was sent
		switch {
		case errors.As(err, new(*http.MaxBytesError)):
			refuse(w, http.StatusRequestEntityTooLarge)
			return
		case err != nil:
			refuse(w, http.StatusBadRequest)
			return
		}
		signature, err := h.verify(r, body)
		// Slack's check of the TLS certificate is recognized without decoding an unverified body. A command cannot
		// have that field by what a person types: there & and = are encoded.
		if r.URL.Path == "/slack/commands" && slices.Contains(strings.Split(string(body), "&"), "ssl_check=1") {
			acknowledge(w, nil) // mostly sent without a signature, and nothing is done
			return
		}
		if err != nil {
			refuse(w, http.StatusUnauthorized)
			return
		}
		var challenge struct{ Type, Challenge string } // by which Slack verifies that the address is the app's
		if r.URL.Path == "/slack/events" && json.Unmarshal(body, &challenge) == nil && challenge.Type == "url_verification" {
			acknowledge(w, encode(map[string]any{"challenge": challenge.Challenge}))
			return
		}
		d, err := read("sig:"+digest(signature), body)
		if err != nil {
			h.logMalformed.Do(func() {
				h.Log.Warn("Slack: a signed request is dropped", "path", r.URL.Path, "error", err)
			})
			refuse(w, http.StatusBadRequest)
			return
		}
		var answer []byte
		if d.Kind != "" {
			answer = dispatch(r.Context(), h.Handler, d, h.Log)
		}
		acknowledge(w, answer)
	}
}

func (h *HTTP) verify(r *http.Request, body []byte) (signature string, err error) {
	secret, err := h.Secret()
	if err == nil {
		signature, err = verify(secret, r.Header, body, h.Now())
	}
	if err != nil && !errors.Is(err, errUnsigned) { // anybody can send an unsigned request
		h.logRefused.Do(func() {
			h.Log.Warn("Slack: a request is refused", "path", r.URL.Path, "error", err)
		})
	}
	return signature, err
}

// refuse answers each wrong request with the same text, which says nothing about the reason.
func refuse(w http.ResponseWriter, status int) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "refused", status)
}

func acknowledge(w http.ResponseWriter, answer []byte) {
	contentType := "application/json"
	if len(answer) == 0 {
		contentType = "text/plain; charset=utf-8"
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(answer)
}

const (
	signatureHeader = "X-Slack-Signature"
	timestampHeader = "X-Slack-Request-Timestamp"
	signatureAge    = 300 // seconds, behind or ahead
)

// Reasons to refuse a request. They go to the log, and not into the answer.
var (
	errSecret    = errors.New("SLACK_SIGNING_SECRET is empty: set it to the signing secret of the app")
	errUnsigned  = errors.New("it has no signature, or several")
	errSignature = errors.New("its signature is not made with SLACK_SIGNING_SECRET: compare that with the signing secret of the app")
	errTime      = errors.New("it is signed, but its time is more than five minutes off: it was sent again, or the clock of this machine is wrong")
)

// verify checks the webhook signature: that Slack signed body, at most five minutes ago. It returns the signature.
//
// The signature is compared as text, because it becomes the ID of the delivery: compared as bytes, the same request
// replayed with capitals would count as another one.
func verify(secret string, header http.Header, body []byte, now time.Time) (signature string, err error) {
	signatures, times := header.Values(signatureHeader), header.Values(timestampHeader)
	switch {
	case strings.TrimSpace(secret) == "":
		return "", errSecret
	case len(signatures) != 1 || len(times) != 1:
		return "", errUnsigned
	case !hmac.Equal([]byte(signatures[0]), []byte(sign(secret, times[0], body))):
		return "", errSignature
	case !recent(times[0], now):
		return "", errTime
	}
	return signatures[0], nil
}

// sign makes Slack's signature of version 0: an HMAC with SHA-256 over version, time and body.
func sign(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + timestamp + ":"))
	mac.Write(body)
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}

// SignedHeader is the header of a request with body that Slack signs.
func SignedHeader(secret string, at time.Time, body []byte) http.Header {
	stamp := strconv.FormatInt(at.Unix(), 10)
	return http.Header{signatureHeader: {sign(secret, stamp, body)}, timestampHeader: {stamp}}
}

func recent(timestamp string, now time.Time) bool {
	sent, err := strconv.ParseInt(timestamp, 10, 64)
	return err == nil && sent >= now.Unix()-signatureAge && sent <= now.Unix()+signatureAge
}
