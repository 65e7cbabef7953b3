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

// Why a request was refused: for the log. Whoever sent it is told nothing.
var (
	errSecret    = errors.New("SLACK_SIGNING_SECRET is empty: set it to the signing secret of the app")
	errUnsigned  = errors.New("it is not signed once")
	errSignature = errors.New("its signature is not made with SLACK_SIGNING_SECRET: compare that with the signing secret of the app")
	errTime      = errors.New("it is signed, but its time is more than five minutes off: it was sent again, or the clock of this machine is wrong")
)

// verify makes sure that Slack signed body, and not long ago, and returns the signature.
//
// The signature is compared as text. Were it compared as the bytes it stands for, the same request
// could come again in capitals, and count as another one.
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

// sign is Slack's signature, version 0.
func sign(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + timestamp + ":"))
	mac.Write(body)
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}

func recent(timestamp string, now time.Time) bool {
	sent, err := strconv.ParseInt(timestamp, 10, 64)
	return err == nil && sent >= now.Unix()-signatureAge && sent <= now.Unix()+signatureAge
}
