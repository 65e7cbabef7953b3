package mcpserver

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/permissions"
)

// refusal is a request that is refused before its message is read.
type refusal struct {
	status int
	why    string // one of a few words, for the metrics
	says   string
}

// Errors that Authenticate returns for a bearer that is no access key in force. Any other error means that the store
// could not be asked.
var (
	ErrUnknownBearer = errors.New("the access key or token is not known, was revoked, or has expired")
	ErrVPSToken      = errors.New("that is a VPS.org token, which clients never need: use an access key, and replace that token if others have seen it")
)

const (
	sendKey     = "send an access key: Authorization: Bearer vpsbot_…"
	tokenInURL  = "send it in the header Authorization, never in the address; whatever stood there is no secret any more"
	storeSilent = "the store does not answer"
)

// admit decides whether a request may come in, in the order of http.md: host, origin, bearer, method. It returns who
// calls.
func (h *HTTP) admit(r *http.Request) (permissions.Actor, *refusal) {
	if host := hostOf(r.Host); !h.isOwnHost(host) {
		return "", &refusal{http.StatusForbidden, "host", printable(host) + " is not vpsbot's address: set VPSBOT_PUBLIC_URL to the one that people use"}
	}
	if origin := r.Header.Get("Origin"); origin != "" && !h.allowsOrigin(origin) {
		return "", &refusal{http.StatusForbidden, "origin", "web pages of " + printable(origin) + " may not call this: VPSBOT_ORIGINS names those that may"}
	}
	if h.isInsecure(r) {
		return "", &refusal{http.StatusForbidden, "bearer", "use https"}
	}
	actor, refused := h.authenticate(r)
	if refused == nil && r.Method != http.MethodPost {
		refused = &refusal{http.StatusMethodNotAllowed, "method", "send POST"}
	}
	return actor, refused
}

// authenticate finds out who calls. What is refused counts against the address, before any lookup.
func (h *HTTP) authenticate(r *http.Request) (permissions.Actor, *refusal) {
	values := r.Header.Values("Authorization")
	switch {
	case len(values) > 1 || holdsToken(r.URL):
		return "", &refusal{http.StatusBadRequest, "bearer", tokenInURL}
	case len(values) == 0:
		return "", &refusal{http.StatusUnauthorized, "bearer", sendKey}
	}
	address := h.addressOf(r)
	if !h.failures.allows(address, h.now()) {
		return "", &refusal{http.StatusTooManyRequests, "rate", "too many failed attempts from this address: wait a minute"}
	}
	actor, err := h.bearer(r.Context(), values[0])
	switch {
	case err == nil:
		return actor, nil
	case errors.Is(err, ErrUnknownBearer), errors.Is(err, ErrVPSToken):
		h.failures.note(address, h.now())
		return "", &refusal{http.StatusUnauthorized, "bearer", err.Error()}
	}
	return "", h.storeRefuses("a caller cannot be looked up", err)
}

// storeRefuses refuses a request for which the store could not be asked. Strangers can send many: not each is logged.
func (h *HTTP) storeRefuses(what string, err error) *refusal {
	h.outages.Do(func() { h.Log.Warn(what, "error", err) })
	return &refusal{http.StatusServiceUnavailable, "store", storeSilent}
}

func (h *HTTP) bearer(ctx context.Context, header string) (permissions.Actor, error) {
	scheme, secret, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(secret) == "" {
		return "", ErrUnknownBearer
	}
	return h.o.Authenticate(ctx, strings.TrimSpace(secret))
}

func holdsToken(u *url.URL) bool {
	plain, err := url.QueryUnescape(u.RawQuery) // the whole: Query leaves out the parts that cannot be read
	if err != nil {
		plain = u.RawQuery
	}
	if strings.Contains(plain, "vpsbot_") || strings.Contains(plain, "vps_") {
		return true
	}
	for name := range u.Query() {
		if slices.Contains([]string{"access_token", "token", "key", "api_key", "authorization"}, strings.ToLower(name)) {
			return true
		}
	}
	return false
}

// isOwnHost reports whether a Host header names this server: by VPSBOT_PUBLIC_URL, or without it as a loopback
// address. A page whose name was bound to this machine's address has another.
func (h *HTTP) isOwnHost(host string) bool {
	if h.public != nil {
		return host == hostOf(h.public.Host)
	}
	return isLoopback(host)
}

func (h *HTTP) allowsOrigin(origin string) bool {
	if slices.Contains(h.o.Origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	switch {
	case err != nil || u.Host == "":
		return false
	case h.public != nil:
		return u.Scheme == h.public.Scheme && u.Host == h.public.Host
	}
	return isLoopback(u.Hostname())
}

// allowPages lets the pages of an allowed origin read the answer.
func (h *HTTP) allowPages(w http.ResponseWriter, r *http.Request) {
	origin := r.Header.Get("Origin")
	if origin == "" || !h.allowsOrigin(origin) {
		return
	}
	header := w.Header()
	header.Set("Access-Control-Allow-Origin", origin)
	header.Set("Vary", "Origin")
	header.Set("Access-Control-Expose-Headers", "Mcp-Session-Id, WWW-Authenticate, Retry-After")
	if r.Method == http.MethodOptions {
		header.Set("Access-Control-Allow-Methods", "POST")
		header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept, Mcp-Session-Id, Mcp-Protocol-Version, Mcp-Method, Mcp-Name")
		header.Set("Access-Control-Max-Age", "7200")
	}
}

// isInsecure reports whether a proxy says that the request reached it without encryption.
func (h *HTTP) isInsecure(r *http.Request) bool {
	proto, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ",")
	return h.public != nil && h.public.Scheme == "https" && h.isTrusted(remoteAddr(r)) && strings.EqualFold(strings.TrimSpace(proto), "http")
}

// addressOf returns the address of the client: the last one that no trusted proxy has. Of IPv6 it is the network,
// since one client has many addresses.
func (h *HTTP) addressOf(r *http.Request) string {
	address := remoteAddr(r)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !h.isTrusted(address) {
			break
		}
		before, ok := parseHop(strings.TrimSpace(hop))
		if !ok {
			break
		}
		address = before
	}
	if address.Is6() {
		network, _ := address.Prefix(64)
		return network.String()
	}
	return address.String()
}

// parseHop parses one address of X-Forwarded-For. Some proxies add the port.
func parseHop(hop string) (address netip.Addr, ok bool) {
	if at, err := netip.ParseAddrPort(hop); err == nil {
		return at.Addr().Unmap().WithZone(""), true
	}
	address, err := netip.ParseAddr(hop)
	return address.Unmap().WithZone(""), err == nil
}

func (h *HTTP) isTrusted(address netip.Addr) bool {
	return slices.ContainsFunc(h.o.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(address) })
}

func remoteAddr(r *http.Request) netip.Addr {
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	return at.Addr().Unmap().WithZone("")
}

// hostOf returns the name in a Host header, in lower case, without a port.
func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		hostport = host
	}
	return strings.ToLower(strings.Trim(hostport, "[]"))
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
