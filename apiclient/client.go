package apiclient

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

const (
	defaultRate  = 50
	defaultBurst = 100
)

// Options is what a Client is made from. BaseURL and Token are required.
type Options struct {
	// BaseURL is the API's root, such as https://admin.vps.org/api/v1, with
	// or without a slash at the end. It must be https unless the host is a
	// loopback one, without query and user. The token goes nowhere else.
	BaseURL string
	// Token is called for each request. Where it fails or gives nothing,
	// nothing is sent and the error's kind is KindToken.
	Token func() (string, error)
	// UserAgent is sent as it is; empty means "vpsbot".
	UserAgent string
	// Transport is the innermost link; nil means a pooled one. It must not
	// repeat a request by itself.
	Transport http.RoundTripper
	// Rate is how many requests a second leave at most, after Burst at once.
	// Zero means 50 and 100, and no limit at all for a loopback host.
	Rate  rate.Limit
	Burst int
	// Observe is called once for each API call when it has ended, from the
	// goroutine of the call. Each page of a list is a call. Nil means none.
	Observe func(Call)
	// Logger gets a line at debug level for each attempt: method, path,
	// status, duration. Nil means none.
	Logger *slog.Logger
}

// Call is what Options.Observe is told of one API call. Route is a pattern,
// such as "/servers/{id}/". Status is 0 where none was received, Kind is empty
// for a success, and Attempts counts the requests that were tried. Simulator
// says that a loopback host answered, and called itself VPS.org's simulator by
// the header [SimulatorHeader]; no other host is believed.
type Call struct {
	Method    string
	Route     string
	Status    int
	Kind      Kind
	Attempts  int
	Duration  time.Duration
	Simulator bool
}

// SimulatorHeader is the header of answers that VPS.org's simulator sends.
const SimulatorHeader = "X-Vpsbot-Simulator"

// Client has a field for each resource of the API. Make one with New and share
// it: it holds the connections, the limits and the circuit breaker.
type Client struct {
	Account   Account
	Servers   Servers
	Backups   Backups
	Snapshots Snapshots
	Plans     Plans
	Domains   Domains
	DNSZones  DNSZones

	core *core
}

// core is what the resources share.
type core struct {
	run   step
	base  *url.URL
	pages *pageMemory
}

// New returns a client, or an error that says what is wrong with the options.
// It sends nothing.
func New(o Options) (*Client, error) {
	base, err := parseBase(o.BaseURL)
	if err != nil {
		return nil, err
	}
	if o.Token == nil {
		return nil, errors.New("options without a token function")
	}
	return newClient(&core{run: assemble(o, base), base: base, pages: &pageMemory{}}), nil
}

func newClient(c *core) *Client {
	return &Client{
		Account: Account{c}, Servers: Servers{c}, Backups: Backups{c}, Snapshots: Snapshots{c},
		Plans: Plans{c}, Domains: Domains{c}, DNSZones: DNSZones{c}, core: c,
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
