package transport

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

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
