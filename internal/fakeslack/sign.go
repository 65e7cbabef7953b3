package fakeslack

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Signed is a request to the app with a signature that is right for that body and time: the
// start of an attack, or of a request that no person would cause. Send sends it.
func (s *Slack) Signed(path string, body []byte, at time.Time) *http.Request {
	s.mu.Lock()
	to := s.door.base
	s.mu.Unlock()
	if to == "" {
		to = "http://app.invalid"
	}
	req, err := http.NewRequest(http.MethodPost, to+path, bytes.NewReader(body)) //nolint:noctx // whoever sends it sets how long it may take
	if err != nil {
		s.fail("no request can be made to %q: %v", path, err)
		return nil
	}
	kind := "application/x-www-form-urlencoded"
	if strings.HasSuffix(path, "/events") {
		kind = "application/json"
	}
	timestamp := strconv.FormatInt(at.Unix(), 10)
	req.Header.Set("Content-Type", kind)
	req.Header.Set("User-Agent", "Slackbot 1.0 (+https://api.slack.com/robots)")
	req.Header.Set("X-Slack-Request-Timestamp", timestamp)
	req.Header.Set("X-Slack-Signature", signature(s.o.SigningSecret, timestamp, body))
	return req
}

func signature(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + timestamp + ":"))
	mac.Write(body)
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}
