package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/vpsbot/vpsbot/internal/redact"
)

const (
	defaultURL      = "https://admin.vps.org/api/v1"
	defaultSlackURL = "https://slack.com/api/"
	defaultListen   = "127.0.0.1:8484"

	exampleMetricsListen = "127.0.0.1:9484"
)

func (c *Config) setURL(text string) (err error) {
	if c.URL = text; text == Simulator {
		return nil
	}
	c.URL, err = c.parseAddress(text, addressAdvice{example: defaultURL, orElse: ", or simulator", local: "http://127.0.0.1:PORT/api/v1"}, defaultURL)
	return err
}

// setSlackURL ends the address with a slash: names of methods are appended to it.
func (c *Config) setSlackURL(text string) error {
	address, err := c.parseAddress(text, addressAdvice{example: defaultSlackURL, orElse: ", or leave it out", local: "http://127.0.0.1:PORT/api/"}, defaultSlackURL)
	c.SlackURL = address + "/"
	return err
}

var publicAdvice = addressAdvice{example: "https://vpsbot.example.com", orElse: ", or leave it out", local: "http://127.0.0.1:8484 for a try"}

func (c *Config) setPublicURL(text string) (err error) {
	if text != "" {
		c.PublicURL, err = c.parseAddress(text, publicAdvice, "")
	}
	if strings.HasSuffix(c.PublicURL, "/mcp") {
		return errors.New("is the address without /mcp: write such as " + publicAdvice.example)
	}
	return err
}

func (c *Config) setMCP(text string) error {
	var on bool
	if err := setBool(&on)(text); err != nil || text == "" {
		return err
	}
	c.mcp = &on
	return nil
}

// MCP reports whether serve has /mcp: as VPSBOT_MCP says, else where there is a public address or no Slack.
func (c Config) MCP() bool {
	if c.mcp != nil {
		return *c.mcp
	}
	_, err := c.SlackMode()
	return c.PublicURL != "" || errors.Is(err, ErrNoSlack)
}

// IsMCPSetUp reports whether serve has /mcp and a variable is about its address: without one hardly anybody runs it.
func (c Config) IsMCPSetUp() bool {
	return c.MCP() && strings.TrimSpace(c.vars.Listen+c.vars.PublicURL+c.vars.MCP) != ""
}

// IsLocal reports whether serve can be reached from this machine alone, as far as its variables say.
func (c Config) IsLocal() bool {
	host, _, _ := net.SplitHostPort(c.Listen) // it was checked
	public, err := url.Parse(c.PublicURL)
	return IsLoopback(host) && err == nil && (c.PublicURL == "" || IsLoopback(public.Hostname()))
}

// each calls set with each part of a list with commas.
func each(list string, set func(part string) error) error {
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if err := set(part); err != nil {
			return fmt.Errorf("has a part that %w", err)
		}
	}
	return nil
}

var originAdvice = addressAdvice{example: "https://app.example.com", orElse: ", with commas between several", local: "http://localhost:6274"}

func (c *Config) setOrigins(text string) error {
	return each(text, func(part string) error {
		origin, err := c.parseAddress(part, originAdvice, "")
		if err == nil && strings.Count(origin, "/") > len("//") {
			err = errors.New("has a path: an origin has none, write such as " + originAdvice.example)
		}
		c.Origins = append(c.Origins, origin)
		return err
	})
}

const defaultProxies = "127.0.0.0/8,::1"

// setProxies refuses what means everybody: whoever is trusted says from which address a call came.
func (c *Config) setProxies(text string) error {
	return each(cmp.Or(text, defaultProxies), func(part string) error {
		prefix, err := netip.ParsePrefix(part)
		if address, notOne := netip.ParseAddr(part); notOne == nil {
			prefix, err = netip.PrefixFrom(address.WithZone(""), address.BitLen()), nil
		}
		switch {
		case err != nil:
			return errors.New("is not an address: write that of the proxy, such as 10.0.0.5, or its network, such as 10.0.0.0/8")
		case prefix.Bits() == 0:
			return errors.New("means everybody: write the address of the proxy, such as 10.0.0.5, or its network, such as 10.0.0.0/8")
		}
		c.TrustedProxies = append(c.TrustedProxies, prefix.Masked())
		return nil
	})
}

// setListen wants a port that is a number: the names of ports differ between machines.
func setListen(to *string, fallback, example string) func(string) error {
	return func(text string) error {
		if *to = cmp.Or(text, fallback); *to == "" {
			return nil
		}
		_, port, err := net.SplitHostPort(*to)
		if err != nil {
			_, usual, _ := strings.Cut(example, ":")
			return errors.New("is not HOST:PORT: write such as " + example + ", or :" + usual + " for all addresses of this machine")
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
			return errors.New("has a port that is no number from 0 to 65535: write such as " + example)
		}
		return nil
	}
}

// PublicAddress parses an address to which Slack is to send: Slack sends to encrypted addresses alone, and
// reaches none of a private machine.
func PublicAddress(text string) (string, error) {
	address, err := (&Config{}).parseAddress(strings.TrimSpace(text), publicAdvice, "")
	if err != nil {
		return "", err
	}
	if u, err := url.Parse(address); err != nil || u.Scheme != "https" || IsLoopback(u.Hostname()) {
		return "", errors.New("is an address that Slack cannot reach, or not https: write such as " + publicAdvice.example +
			", or use Socket Mode, which needs none")
	}
	return address, nil
}

// addressAdvice is what the refusal of an address says to write instead.
type addressAdvice struct {
	example string
	orElse  string // what may stand in the place of an address
	local   string // an address on this machine, which need not be encrypted
}

// parseAddress returns an address in its one spelling, so that records of one API are known as such. The address
// must be encrypted or of this machine. No error repeats it: a token may have been pasted there.
func (c *Config) parseAddress(address string, advice addressAdvice, fallback string) (string, error) {
	address = cmp.Or(address, fallback)
	u, err := url.Parse(address)
	token := strings.TrimSpace(c.vars.Token.Reveal())
	switch {
	case err != nil:
		return "", errors.New("is not an address: write " + advice.example + advice.orElse)
	case strings.Contains(address, "/"+tokenPrefix) || redact.Text(address, token) != address: // it would stand in every record
		return "", errors.New("has a token in it: write the bare address, such as " + advice.example)
	case u.Host == "":
		return "", errors.New("is not an address: write " + advice.example + advice.orElse)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("has a user, a query or a fragment in it: write the bare address, such as " + advice.example)
	case u.Scheme != "https" && (u.Scheme != "http" || !IsLoopback(u.Hostname())):
		return "", errors.New("is neither https nor http on this machine: write " + advice.example + ", or " + advice.local)
	}
	u.Host = strings.ToLower(u.Host)
	if port := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]; u.Port() != "" {
		u.Host = strings.TrimSuffix(u.Host, port)
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// IsLoopback reports whether a host is this machine and can mean no other.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
