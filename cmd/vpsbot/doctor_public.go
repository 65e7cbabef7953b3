package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/vpsbot/vpsbot/internal/config"
)

// checkPublic calls serve as Slack would: whether it is there, and whether it knows the same
// signing secret.
func (d slackDoctor) checkPublic(ctx context.Context) []finding {
	const name = "public address"
	public := d.parts.config.PublicURL
	if public == "" {
		return []finding{fine(name, "not tried: VPSBOT_PUBLIC_URL is not set")}
	}
	if _, err := config.PublicAddress(public); err != nil {
		return []finding{warn(name, public+" "+err.Error(), "Set VPSBOT_PUBLIC_URL to the https address of your proxy, the same as in the manifest.")}
	}
	return d.callServe(ctx, public)
}

func (d slackDoctor) callServe(ctx context.Context, public string) []finding {
	const name = "public address"
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	const next = "Start vpsbot serve, and let the proxy at VPSBOT_PUBLIC_URL pass /slack/ and /healthz on to VPSBOT_LISTEN."
	status, body, err := d.exchange(ctx, http.MethodGet, public+"/healthz", "", nil)
	switch {
	case err != nil:
		return []finding{broken(name, public+" "+unreached(err), next)}
	case status != http.StatusOK || body != "ok\n":
		return []finding{broken(name, fmt.Sprintf("%s answers, but not as vpsbot serve does (status %d)", public, status), next)}
	}
	return []finding{fine(name, "%s answers", public), d.checkSigned(ctx, public)}
}

// checkSigned puts Slack's own question to serve, whether the address is its: it changes
// nothing, and is answered to whoever has the secret.
func (d slackDoctor) checkSigned(ctx context.Context, public string) finding {
	const name = "slack secret"
	secret, err := d.parts.config.SlackSigningSecret()()
	if err != nil {
		return broken(name, err.Error(), "Correct SLACK_SIGNING_SECRET.")
	}
	challenge := rand.Text()
	body, err := json.Marshal(map[string]string{"type": "url_verification", "challenge": challenge})
	if err != nil {
		return broken(name, err.Error(), "")
	}
	status, answer, err := d.exchange(ctx, http.MethodPost, public+"/slack/events", secret, body)
	switch {
	case err != nil:
		return broken(name, "a signed request "+unreached(err), "Let the proxy pass POST /slack/events on, too.")
	case status == http.StatusUnauthorized:
		return broken(name, "vpsbot serve refuses what is signed with SLACK_SIGNING_SECRET: it has another secret, or another time",
			"Start vpsbot serve with the same SLACK_SIGNING_SECRET, and set both clocks.")
	case status != http.StatusOK || !strings.Contains(answer, challenge):
		return broken(name, fmt.Sprintf("a signed request is not answered as vpsbot serve does (status %d)", status),
			"Let the proxy pass bodies and the headers X-Slack-Signature and X-Slack-Request-Timestamp on as they are.")
	}
	return fine(name, "vpsbot serve takes what is signed with it")
}

// exchange makes one request, signed where there is a secret.
func (d slackDoctor) exchange(ctx context.Context, method, url, secret string, body []byte) (status int, answer string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(string(body)))
	if err != nil {
		return 0, "", err
	}
	if secret != "" {
		stamp := strconv.FormatInt(d.now().Unix(), 10)
		mac := hmac.New(sha256.New, []byte(secret))
		fmt.Fprintf(mac, "v0:%s:%s", stamp, body)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Slack-Request-Timestamp", stamp)
		req.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, mostOfSlack))
	return resp.StatusCode, string(raw), err
}
