package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/config"
)

const (
	reachTime = 5 * time.Second
	clockSlip = time.Minute // beyond it expiry and approvals are judged wrongly
	silence   = "does not answer within 5 seconds"
)

// checkAddress asks the API for anything at all, without the token, and compares clocks by
// the Date of the answer.
func (a *app) checkAddress(ctx context.Context, p *parts) (address, clock finding) {
	if p.config.IsSimulator() {
		return fine("address", "SIMULATOR: the built-in one, new with every command"),
			fine("clock", "not compared: the simulator goes by this machine's")
	}
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	resp, err := knock(ctx, p.config.URL)
	if err != nil {
		return broken("address", p.config.URL+" "+unreached(err), "Check the network, a proxy, and VPS_API_URL."),
			warn("clock", "not compared: the API cannot be reached", "")
	}
	defer resp.Body.Close()
	return judge(p.config.URL, resp), a.checkClock(resp.Header.Get("Date"))
}

func unreached(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return silence
	}
	return fmt.Sprintf("cannot be reached: %v", cause(err))
}

// judge tells VPS.org's API from a web page, a proxy or another path by how it answers who
// brings no token: with a refusal, or with JSON.
func judge(url string, resp *http.Response) finding {
	const name = "address"
	page := strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html")
	switch {
	case resp.StatusCode >= 500:
		return warn(name, fmt.Sprintf("%s answers with status %d", url, resp.StatusCode), "Try again later; if that does not help, check VPS_API_URL.")
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode/100 == 3 || page:
		return broken(name, fmt.Sprintf("%s answers, but not as VPS.org's API does (status %d)", url, resp.StatusCode),
			"Check VPS_API_URL: VPS.org's is https://admin.vps.org/api/v1.")
	}
	if resp.Header.Get(apiclient.SimulatorHeader) != "" && config.IsLoopback(resp.Request.URL.Hostname()) {
		return fine(name, "%s answers: SIMULATOR", url)
	}
	return fine(name, "%s answers", url)
}

// knock makes one request that needs no token; any answer will do.
func knock(ctx context.Context, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(url, "/")+"/account/me/", http.NoBody)
	if err != nil {
		return nil, err
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return client.Do(req)
}

// cause is a network error without the address in front, which the message has already.
func cause(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err
}

func (a *app) checkClock(date string) finding {
	there, err := http.ParseTime(date)
	if err != nil {
		return warn("clock", "not compared: the API does not tell its time", "")
	}
	slip := a.now().Sub(there).Round(time.Second)
	if slip.Abs() > clockSlip {
		way := "ahead of"
		if slip < 0 {
			way = "behind"
		}
		return warn("clock", fmt.Sprintf("this machine is %s %s the API's time", slip.Abs(), way), "Set this machine's clock, by NTP if possible.")
	}
	return fine("clock", "within %s of the API's", max(slip.Abs(), time.Second))
}
