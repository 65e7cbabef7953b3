// Package apiclient is a typed client of the VPS.org REST API, version 1.
//
// A call passes through a chain of links with one job each (see chain.go): reads are tried up to three times, a
// write is sent once and never again. Every failure is an *Error; where a write may or may not have happened,
// Error.Unknown is true. All exported methods may be called concurrently.
package apiclient

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const defaultUserAgent = "vpsbot"

// Options is what a Client is made from. BaseURL and Token are required.
type Options struct {
	// BaseURL is the API's root, such as https://admin.vps.org/api/v1, with or without a slash at the end. It
	// must be https unless the host is a loopback one, and have neither query nor user. The token is sent to no
	// other host.
	BaseURL string
	// Token is called for each request. If it fails or returns an empty token, nothing is sent and the error's
	// kind is KindToken.
	Token func() (string, error)
	// UserAgent is sent unchanged; empty means "vpsbot".
	UserAgent string
	// Transport is the innermost link; nil means a connection pool. It must not repeat requests.
	Transport http.RoundTripper
	// Observe is called when an API call has ended, in the goroutine of the call. Each page of a list is a
	// call, and several are read at once. It may be nil.
	Observe func(Call)
	// Attempt is called after each request, with the context of its call. It may be nil.
	Attempt func(context.Context, Attempt)
	// Logger receives a line at debug level for each attempt: method, path, status, duration. It may be nil.
	Logger *slog.Logger
}

// Call describes one API call that has ended. Route is a pattern, such as "/servers/{id}/". Status is 0 if none
// was received, Kind is empty for a success, and Attempts counts the requests that were tried. Simulator is
// true if a loopback host answered with the header [SimulatorHeader]; the header is ignored from every other
// host.
type Call struct {
	Method    string
	Route     string
	Status    int
	Kind      Kind
	Attempts  int
	Duration  time.Duration
	Simulator bool
}

// Attempt describes one request of a call. Again is how many went before it.
type Attempt struct {
	Method string
	Route  string // as of [Call]
	Host   string
	Status int  // 0: there was no answer
	Kind   Kind // why there was none
	Again  int
	Began  time.Time
}

// SimulatorHeader is in every answer of the simulator of VPS.org's API.
const SimulatorHeader = "X-Vpsbot-Simulator"

// Client has a field for each resource of the API. New makes one, to be shared: it holds the connections, the
// rate limit and the circuit breaker.
type Client struct {
	Account   Account
	Servers   Servers
	Backups   Backups
	Snapshots Snapshots
	Plans     Plans
	Domains   Domains
	DNSZones  DNSZones

	run   step
	stats func() Stats
}

// Stats is the state of a client's transport. A client with a Transport of its caller's counts no connections.
type Stats struct {
	Connections  int  // open ones
	ReadsPaused  bool // the circuit breaker sends none, or one as a trial: until a read succeeds
	WritesPaused bool // the same of writes
}

// Stats returns the present state.
func (c *Client) Stats() Stats {
	if c.stats == nil {
		return Stats{} // of a client that sends nothing
	}
	return c.stats()
}

// New returns a client, or an error that names the invalid option. It sends nothing.
func New(o Options) (*Client, error) {
	base, err := parseBase(o.BaseURL)
	if err != nil {
		return nil, err
	}
	if o.Token == nil {
		return nil, errors.New("options without a token function")
	}
	run, stats := newChain(o, base)
	c := newClient(run)
	c.stats = stats
	return c, nil
}

func newClient(run step) *Client {
	return &Client{
		Account: Account{run}, Servers: Servers{run}, Backups: Backups{run}, Snapshots: Snapshots{run},
		Plans: Plans{run}, Domains: Domains{run}, DNSZones: DNSZones{run}, run: run,
	}
}

func parseBase(s string) (*url.URL, error) {
	base, err := url.Parse(s)
	if err != nil || base.User != nil {
		// The text is left out: a password may be in it.
		return nil, errors.New("base URL cannot be read, or has a user in it")
	}
	switch {
	case base.Host == "":
		return nil, fmt.Errorf("base URL %q has no host", s)
	case base.RawQuery != "" || base.ForceQuery || base.Fragment != "":
		return nil, errors.New("base URL has a query or a fragment")
	case base.Scheme != "https" && !(base.Scheme == "http" && isLoopback(base)):
		return nil, fmt.Errorf("base URL %q must be https, or http on a loopback host", s)
	}
	base.Path = strings.TrimRight(base.Path, "/")
	return base, nil
}

func isLoopback(u *url.URL) bool {
	host := u.Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
