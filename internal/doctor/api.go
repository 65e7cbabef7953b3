package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

const (
	probeTimeout = 5 * time.Second
	maxReply     = 1 << 20     // bytes of an answer that are read
	maxClockSkew = time.Minute // beyond it expiry and approvals are judged wrongly
	setToken     = permissions.TokensPage + " and run vpsbot login, or set VPS_API_TOKEN_FILE to a file that holds it."
)

// checkAddress sends the API one request without the token, and compares clocks by the Date of the answer.
func (d *doctor) checkAddress(ctx context.Context) (address, clock Finding) {
	url := d.Config.URL
	if d.Config.IsSimulator() {
		return pass("address", "SIMULATOR: the built-in one, new with every command"),
			pass("clock", "not compared: the simulator goes by this machine's")
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	resp, _, err := d.send(ctx, http.MethodGet, strings.TrimRight(url, "/")+"/account/me/", http.Header{}, nil)
	if resp == nil {
		return fail("address", url+" "+unreachable(err), "Check the network, a proxy, and VPS_API_URL."),
			warn("clock", "not compared: the API cannot be reached", "")
	}
	return checkAnswer(url, resp), d.checkClock(resp.Header.Get("Date"))
}

// send makes a request, and reads the beginning of the answer's body. The answer is nil if there is none.
func (d *doctor) send(ctx context.Context, method, url string, headers http.Header, body []byte) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	req.Header = headers
	resp, err := d.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	return resp, raw, err
}

// checkAnswer tells VPS.org's API from a web page, a proxy or another path by its answer to a request
// without a token: a refusal, or JSON.
func checkAnswer(url string, resp *http.Response) Finding {
	const name = "address"
	page := strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html")
	switch {
	case resp.StatusCode >= 500:
		return warn(name, fmt.Sprintf("%s answers with status %d", url, resp.StatusCode), "Try again later; if that does not help, check VPS_API_URL.")
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode/100 == 3 || page:
		return fail(name, fmt.Sprintf("%s answers, but not as VPS.org's API does (status %d)", url, resp.StatusCode),
			"Check VPS_API_URL: VPS.org's is https://admin.vps.org/api/v1.")
	case resp.Header.Get(apiclient.SimulatorHeader) != "" && config.IsLoopback(resp.Request.URL.Hostname()):
		return pass(name, "%s answers: SIMULATOR", url)
	}
	return pass(name, "%s answers", url)
}

func (d *doctor) checkClock(date string) Finding {
	const name = "clock"
	there, err := http.ParseTime(date)
	if err != nil {
		return warn(name, "not compared: the API's answer has no date", "")
	}
	skew := d.env.Clock().Sub(there).Round(time.Second)
	if skew.Abs() > maxClockSkew {
		direction := "ahead of"
		if skew < 0 {
			direction = "behind"
		}
		return warn(name, fmt.Sprintf("this machine is %s %s the API's time", skew.Abs(), direction), "Set this machine's clock, by NTP if possible.")
	}
	return pass(name, "within %s of the API's", max(skew.Abs(), time.Second))
}

func (d *doctor) checkToken(ctx context.Context) Finding {
	const name = "token"
	if _, err := d.Runner.Token(); err != nil {
		switch {
		case err == config.ErrNoToken: //nolint:errorlint // others that are one say more
			return fail(name, "none is set", "Make a token at "+setToken)
		case errors.Is(err, config.ErrNoToken):
			return fail(name, err.Error(), "Do what the line says.")
		}
		return fail(name, err.Error(), "Correct what gives the token, the variable or its file.")
	}
	if d.address.Status == StatusFail {
		return warn(name, "set, but not checked: it would go to an address that is wrong or silent", "")
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	token, err := d.TokenFacts(ctx)
	next := "Try again later."
	switch api, isAPI := errors.AsType[*apiclient.Error](err); {
	case err != nil && ctx.Err() != nil:
		return fail(name, "not checked: the API "+unreachable(context.DeadlineExceeded), next)
	case isAPI:
		return fail(name, text.Clean(err.Error()), api.Next())
	case err != nil:
		return fail(name, text.Clean(err.Error()), next)
	}
	now, renew := d.env.Clock(), "Make a new token at "+setToken
	left := token.ExpiresSoon(now)
	switch {
	case token.Expired(now):
		return fail(name, fmt.Sprintf("%q has expired", token.Name), renew)
	case left != "":
		return warn(name, fmt.Sprintf("%q expires in %s", token.Name, left), renew)
	case token.ExpiresAt.IsZero():
		return pass(name, "%q, which never expires, from %s", token.Name, d.Config.TokenSource())
	}
	return pass(name, "%q, until %s, from %s", token.Name, token.ExpiresAt.Format(time.DateOnly), d.Config.TokenSource())
}

func (d *doctor) checkPermissions(ctx context.Context) ([]Permission, Finding) {
	const name = "permissions"
	unread := fail(name, "they cannot be read, so nothing can be run", "") // the next step is with the token
	switch {
	case d.PolicyErr != nil: // the next step is with the policy
		return nil, fail(name, "not checked: nothing is run under this configuration", "")
	case d.address.Status == StatusFail:
		return nil, unread
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	offers, note := d.Offers(ctx)
	if note != "" {
		return nil, unread
	}
	all, allowed := make([]Permission, 0, len(offers)), 0
	for _, o := range offers {
		if o.Reason == "" {
			allowed++
		}
		all = append(all, Permission{o.Op.Name, o.Needs(), o.Reason == "", o.Reason})
	}
	message := fmt.Sprintf("%d of %d operations can be run", allowed, len(offers))
	switch allowed {
	case len(offers):
		return all, pass(name, "%s", message)
	case 0:
		if d.servesOthers() {
			return all, warn(name, message+" by you; vpsbot serve asks the policy for each who calls", "See why: vpsbot operations --all")
		}
		return all, fail(name, message, "See why: vpsbot operations --all")
	}
	return all, pass(name, "%s; vpsbot operations --all says why not the others", message)
}

// unreachable describes a network error without the address in front, which the message around it has.
func unreachable(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "does not answer within 5 seconds"
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return fmt.Sprintf("cannot be reached: %v", err)
}
