package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

const (
	reachTime = 10 * time.Second
	clockSlip = time.Minute // beyond it expiry and approvals are judged wrongly
)

// checkAddress asks the API for anything at all, without the token, and compares clocks by
// the Date of the answer.
func (a *app) checkAddress(ctx context.Context, p *parts) (address, clock finding) {
	if p.config.IsSimulator() {
		return fine("address", "the built-in simulator, new with every command"),
			fine("clock", "not compared: the simulator goes by this machine's")
	}
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	resp, err := knock(ctx, p.config.URL)
	if err != nil {
		return broken("address", fmt.Sprintf("%s cannot be reached: %v", p.config.URL, cause(err)), "Check the network, a proxy, and VPS_API_URL."),
			warn("clock", "not compared: the API cannot be reached", "")
	}
	defer resp.Body.Close()
	return fine("address", "%s answers", p.config.URL), a.checkClock(resp.Header.Get("Date"))
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
		return warn("clock", fmt.Sprintf("this machine is %s off the API's time", slip), "Set this machine's clock, by NTP if possible.")
	}
	return fine("clock", "within %s of the API's", max(slip.Abs(), time.Second))
}

func (a *app) checkToken(ctx context.Context, p *parts) finding {
	const name = "token"
	if _, err := p.runner.Token(); err != nil {
		if errors.Is(err, config.ErrNoToken) {
			return broken(name, "none is set", "Make a token at "+permissions.TokensPage+" and set VPS_API_TOKEN to it.")
		}
		return broken(name, err.Error(), "Correct the file that holds the token.")
	}
	me, err := p.runner.Client.Account.Me(ctx)
	if err != nil {
		return tokenFailure(err)
	}
	token := permissions.Token{Name: tools.Clean(me.Token.Name), ExpiresAt: me.Token.ExpiresAt.Time, IsExpired: me.Token.IsExpired}
	renew := "Make a new token at " + permissions.TokensPage + " and set VPS_API_TOKEN to it."
	if token.Expired(a.now()) {
		return broken(name, fmt.Sprintf("%q has expired", token.Name), renew)
	}
	if days, soon := token.ExpiresSoon(a.now()); soon {
		return warn(name, fmt.Sprintf("%q expires %s", token.Name, inDays(days)), renew)
	}
	if token.ExpiresAt.IsZero() {
		return fine(name, "%q, which never expires", token.Name)
	}
	return fine(name, "%q, until %s", token.Name, token.ExpiresAt.Format(time.DateOnly))
}

func inDays(days int) string {
	switch days {
	case 0:
		return "within a day"
	case 1:
		return "in 1 day"
	}
	return fmt.Sprintf("in %d days", days)
}

func tokenFailure(err error) finding {
	next := "Try again later."
	if api, ok := errors.AsType[*apiclient.Error](err); ok {
		next = api.Next()
	}
	return broken("token", tools.Clean(err.Error()), next)
}

func (p *parts) checkPermissions(ctx context.Context) ([]right, finding) {
	const name = "permissions"
	offers, note := p.offers(ctx)
	if note != "" { // what to do is said of the token
		return nil, broken(name, "they cannot be read, so nothing would be run", "")
	}
	rights, allowed := make([]right, 0, len(offers)), 0
	for _, o := range offers {
		if o.reason == "" {
			allowed++
		}
		rights = append(rights, right{o.op.Name, needs(o.op), o.reason == "", o.reason})
	}
	says := fmt.Sprintf("%d of %d operations can be run", allowed, len(offers))
	if allowed == len(offers) {
		return rights, fine(name, "%s", says)
	}
	return rights, fine(name, "%s; vpsbot operations --all says why not the others", says)
}

// idleGlob returns the first of the globs that fits no operation, or "".
func idleGlob(globs []string) string {
	for _, glob := range globs {
		fits := false
		for _, op := range tools.Operations() {
			ok, _ := path.Match(glob, op.Name)
			fits = fits || ok
		}
		if !fits {
			return glob
		}
	}
	return ""
}
