package transport

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/vpsbot/vpsbot/internal/backoff"
)

const (
	slackAPI     = "https://slack.com/api/"
	openMethod   = "apps.connections.open"
	maxOpenReply = 64 << 10
	maxWait      = 10 * time.Minute // whatever Slack asks for
	writeBuffer  = 32 << 10         // above maxAnswer: Slack does not put parts of a message together
)

// passing are the errors of Slack's that end by themselves. For all others somebody must do something.
var passing = []string{"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}

// openError is why Slack gave us no connection.
type openError struct {
	says   string
	person bool          // nothing changes until somebody does something
	after  time.Duration // when Slack wants to be asked again; 0: it did not say
}

func (e *openError) Error() string { return e.says }

func needsPerson(err error) bool {
	var open *openError
	return errors.As(err, &open) && open.person
}

// askForURL asks Slack where to connect. The address holds a ticket: whoever has it is us.
func (s *Socket) askForURL(ctx context.Context) (*url.URL, error) {
	token, err := s.AppToken()
	switch {
	case err != nil:
		return nil, &openError{says: "SLACK_APP_TOKEN: " + err.Error(), person: true}
	case strings.TrimSpace(token) == "":
		return nil, &openError{says: "SLACK_APP_TOKEN is empty: set it to an app-level token with the scope connections:write", person: true}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.method(openMethod), http.NoBody)
	if err != nil {
		return nil, &openError{says: "SLACK_API_URL is not an address: correct it or leave it out", person: true}
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := s.client().Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return readOpen(resp, strings.HasPrefix(s.method(""), "http://"))
}

func (s *Socket) method(name string) string {
	if s.APIURL == "" {
		return slackAPI + name
	}
	return strings.TrimSuffix(s.APIURL, "/") + "/" + name
}

// client follows no redirect: the token is for Slack alone.
func (s *Socket) client() *http.Client {
	c := http.Client{}
	if s.Client != nil {
		c = *s.Client
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

func readOpen(resp *http.Response, insecure bool) (*url.URL, error) {
	var reply struct {
		OK         bool
		URL, Error string
	}
	err := json.NewDecoder(io.LimitReader(resp.Body, maxOpenReply)).Decode(&reply)
	switch {
	case resp.StatusCode == http.StatusTooManyRequests || reply.Error == "ratelimited":
		return nil, &openError{says: "Slack wants to be asked less often", after: askedWait(resp.Header)}
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s: Slack answered %d", openMethod, resp.StatusCode)
	case err != nil:
		return nil, fmt.Errorf("%s: Slack's answer is not JSON", openMethod)
	case !reply.OK && slices.Contains(passing, reply.Error):
		return nil, fmt.Errorf("%s: Slack says %s", openMethod, reply.Error)
	case !reply.OK:
		return nil, &openError{person: true, says: fmt.Sprintf("Slack refuses Socket Mode (%.60q): make sure that SLACK_APP_TOKEN is an app-level token of the app, with the scope connections:write, and that Socket Mode is on in its settings", reply.Error)}
	}
	return checkURL(reply.URL, insecure)
}

// checkURL takes an encrypted address alone, unless Slack's own was given without encryption: for tests.
func checkURL(address string, insecure bool) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "wss" && (!insecure || u.Scheme != "ws") {
		return nil, errors.New("the address that Slack gave for the connection is not one of wss")
	}
	return u, nil
}

// askedWait is how long Slack wants to be left alone; at least a second, for the pause between attempts
// grows by itself.
func askedWait(h http.Header) time.Duration {
	if wait := backoff.RetryAfter(h); wait >= time.Second && wait <= maxWait {
		return wait
	}
	return time.Second
}

// dial opens a connection and waits for its hello.
func (s *Socket) dial(ctx context.Context) (*link, error) {
	opening, cancel := context.WithTimeout(ctx, s.pace.open)
	defer cancel()
	address, err := s.askForURL(opening)
	if err != nil {
		return nil, err
	}
	s.open.Add(1) // Slack may count it before we know that it stands
	conn, resp, err := s.dialer().DialContext(opening, address.String(), nil)
	if resp != nil {
		defer resp.Body.Close()
	}
	if err != nil {
		s.open.Add(-1)
		return nil, fmt.Errorf("connecting to %s: %s", address.Hostname(), hideURL(err.Error(), address))
	}
	l := s.newLink(ctx, conn)
	select {
	case <-l.hello:
		return l, nil
	case <-l.leaving:
		if l.hasGreeted() {
			return l, nil // it was a connection, and is replaced like any other
		}
		err = s.unwelcome(l.why())
	case <-opening.Done():
		err = errors.New("Slack did not say hello")
	}
	l.close()
	return nil, err
}

// unwelcome is what a connection that ended before its hello came to.
func (s *Socket) unwelcome(why string) error {
	switch why {
	case reasonOff:
		return &openError{says: switchedOff, person: true}
	case reasonTooMany:
		return &openError{says: tooMany, after: s.pace.slow}
	case reasonLost:
		return errors.New("the connection ended before Slack said hello")
	}
	return fmt.Errorf("Slack ended the connection before its hello: %s", why)
}

// What is to be done where Slack wants no connection, or fewer.
const (
	switchedOff = "Socket Mode is off (link_disabled): switch it on in the settings of the app, or set SLACK_SIGNING_SECRET to be reached over HTTP"
	tooMany     = "the app has more connections than Slack allows (too_many_websockets): stop other programs that use its SLACK_APP_TOKEN"
)

// dialer goes the way that the client's requests go.
func (s *Socket) dialer() *websocket.Dialer {
	d := &websocket.Dialer{Proxy: http.ProxyFromEnvironment, WriteBufferSize: writeBuffer}
	if transport, ok := s.client().Transport.(*http.Transport); ok {
		d.Proxy, d.NetDialContext = transport.Proxy, transport.DialContext
		d.TLSClientConfig = transport.TLSClientConfig.Clone()
	}
	if d.TLSClientConfig == nil {
		d.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	d.TLSClientConfig.NextProtos = []string{"http/1.1"} // a transport adds h2, which knows no upgrade
	return d
}

// hideURL takes the parts of an address that hold the ticket out of a text.
func hideURL(says string, u *url.URL) string {
	for _, secret := range []string{u.String(), u.RequestURI(), u.RawQuery} {
		if len(secret) > 1 {
			says = strings.ReplaceAll(says, secret, "…")
		}
	}
	return says
}
