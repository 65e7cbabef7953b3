package mcpserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/permissions"
)

const (
	ping        = `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	unknownKey  = "the access key or token is not known, was revoked, or has expired"
	noKey       = "send an access key: Authorization: Bearer vpsbot_…"
	neverInURL  = "send it in the header Authorization, never in the address; whatever stood there is no secret any more"
	realm       = `Bearer realm="vpsbot"`
	realmFailed = `Bearer realm="vpsbot", error="invalid_token"`
)

// reply is an answer whose message is of no interest.
type reply struct {
	status int
	header http.Header
	says   string
}

// do sends a ping of Alice's that has been changed, and checks what holds for every answer.
func (s *site) do(change func(*http.Request)) reply {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), http.MethodPost, s.url, strings.NewReader(ping))
	require.NoError(s, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+aliceKey)
	if change != nil {
		change(r)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(s, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(s, err)
	require.Equal(s, "no-store", answer.Header.Get("Cache-Control"))
	require.Equal(s, "nosniff", answer.Header.Get("X-Content-Type-Options"))
	for _, secret := range secretsOfTests {
		require.NotContains(s, fmt.Sprint(answer.Header, string(body)), secret)
		require.NotContains(s, s.log.String(), secret)
	}
	return reply{answer.StatusCode, answer.Header, strings.TrimSpace(string(body))}
}

const (
	strangeKey = "vpsbot_strange0secret"
	vpsKey     = "vps_strange0secret"
	jwt        = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL290aGVyIn0.c2lnbmF0dXJl"
)

// secretsOfTests are in no answer and no line of the log.
var secretsOfTests = []string{aliceKey, bobKey, strangeKey, vpsKey, jwt, "vps_demo", strings.Repeat("k", 32)}

func header(name string, values ...string) func(*http.Request) {
	return func(r *http.Request) { r.Header[name] = values }
}

// body gives a request another body, in chunks.
func body(r *http.Request, content string) {
	r.Body, r.ContentLength, r.GetBody = io.NopCloser(strings.NewReader(content)), -1, nil
}

func query(q string) func(*http.Request) { return func(r *http.Request) { r.URL.RawQuery = q } }

func host(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }

// Who may not come in is told why, in the words of the design, and nothing of the request reaches VPS.org.
func TestRefusedRequests(t *testing.T) {
	s := newSite(t, nil)
	for name, c := range map[string]struct {
		change func(*http.Request)
		status int
		bearer string // of WWW-Authenticate
		says   string
	}{
		"no bearer":            {func(r *http.Request) { r.Header.Del("Authorization") }, 401, realm, noKey},
		"a cookie":             {func(r *http.Request) { r.Header = http.Header{"Cookie": {"__Host-vpsbot=" + aliceKey}} }, 401, realm, noKey},
		"unknown":              {header("Authorization", "Bearer "+strangeKey), 401, realmFailed, unknownKey},
		"a JWT":                {header("Authorization", "Bearer "+jwt), 401, realmFailed, unknownKey},
		"another scheme":       {header("Authorization", "Basic "+aliceKey), 401, realmFailed, unknownKey},
		"the key alone":        {header("Authorization", aliceKey), 401, realmFailed, unknownKey},
		"no key":               {header("Authorization", "Bearer "), 401, realmFailed, unknownKey},
		"empty":                {header("Authorization", ""), 401, realmFailed, unknownKey},
		"two in one":           {header("Authorization", "Bearer "+aliceKey+", Bearer "+bobKey), 401, realmFailed, unknownKey},
		"a token of VPS.org":   {header("Authorization", "Bearer "+vpsKey), 401, realmFailed, "that is a VPS.org token, which clients never need: use an access key, and replace that token if others have seen it"},
		"two headers":          {header("Authorization", "Bearer "+aliceKey, "Bearer "+bobKey), 400, "", neverInURL},
		"two, both the same":   {header("Authorization", "Bearer "+aliceKey, "Bearer "+aliceKey), 400, "", neverInURL},
		"in the query":         {query("access_token=" + strangeKey), 400, "", neverInURL},
		"by another name":      {query("x=" + strangeKey), 400, "", neverInURL},
		"a name of another":    {query("Key=abc"), 400, "", neverInURL},
		"the token of VPS.org": {query("a=b&x=" + vpsKey), 400, "", neverInURL},
		"in a broken query":    {query("x=%zz" + strangeKey), 400, "", neverInURL},
		"with a semicolon":     {query("a=b;x=" + strangeKey), 400, "", neverInURL},
		"escaped":              {query("x=%76psbot_strange0secret"), 400, "", neverInURL},
		"as a name":            {query(strangeKey), 400, "", neverInURL},
		"foreign host":         {host("evil.example"), 403, "", "evil.example is not vpsbot's address: set VPSBOT_PUBLIC_URL to the one that people use"},
		"rebound":              {host("evil.example:8080"), 403, "", "evil.example is not vpsbot's address: set VPSBOT_PUBLIC_URL to the one that people use"},
		"address of the host":  {host("192.0.2.1"), 403, "", "192.0.2.1 is not vpsbot's address: set VPSBOT_PUBLIC_URL to the one that people use"},
		"localhost as a part":  {host("localhost.evil.example"), 403, "", "localhost.evil.example is not vpsbot's address: set VPSBOT_PUBLIC_URL to the one that people use"},
		"by a proxy's header":  {func(r *http.Request) { r.Host = "evil.example"; r.Header.Set("X-Forwarded-Host", "localhost") }, 403, "", "evil.example is not vpsbot's address: set VPSBOT_PUBLIC_URL to the one that people use"},
		"foreign origin":       {header("Origin", "https://evil.example"), 403, "", "web pages of https://evil.example may not call this: VPSBOT_ORIGINS names those that may"},
		"no origin":            {header("Origin", "null"), 403, "", "web pages of null may not call this: VPSBOT_ORIGINS names those that may"},
		"origin as a part":     {header("Origin", "http://localhost.evil.example"), 403, "", "web pages of http://localhost.evil.example may not call this: VPSBOT_ORIGINS names those that may"},
		"origin with a user":   {header("Origin", "http://localhost@evil.example"), 403, "", "web pages of http://localhost@evil.example may not call this: VPSBOT_ORIGINS names those that may"},
		"GET":                  {func(r *http.Request) { r.Method = http.MethodGet }, 405, "", "send POST"},
		"DELETE":               {func(r *http.Request) { r.Method = http.MethodDelete }, 405, "", "send POST"},
		"OPTIONS":              {func(r *http.Request) { r.Method = http.MethodOptions }, 405, "", "send POST"},
		"another method":       {func(r *http.Request) { r.Method = "BREW" }, 405, "", "send POST"},
		"GET without a bearer": {func(r *http.Request) { r.Method = http.MethodGet; r.Header.Del("Authorization") }, 401, realm, noKey},
		"a form":               {header("Content-Type", "text/plain"), 415, "", "send Content-Type: application/json"},
		"two types":            {header("Content-Type", "text/plain; application/json"), 415, "", "send Content-Type: application/json"},
		"no type":              {func(r *http.Request) { r.Header.Del("Content-Type") }, 415, "", "send Content-Type: application/json"},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.do(c.change)
			require.Equal(t, c.status, got.status)
			require.Equal(t, c.says, got.says)
			require.Equal(t, c.bearer, got.header.Get("WWW-Authenticate"))
			require.Equal(t, c.status == 405, got.header.Get("Allow") == "POST")
			require.Empty(t, got.header.Get("Retry-After"))
			require.Empty(t, got.header.Get("Access-Control-Allow-Origin"))
			require.Empty(t, got.header.Get("Set-Cookie"))
			require.Empty(t, s.sent())
			for _, r := range s.sim.Requests() {
				require.Equal(t, "Demo", r.Token, "what a client sends is passed on to nobody")
			}
		})
	}
	s.down.Store(true)
	got := s.do(header("Authorization", "Bearer "+strangeKey))
	require.Equal(t, 503, got.status, "a client that reads 401 throws its key away")
	require.Equal(t, "the store does not answer", got.says)
	require.Equal(t, "1", got.header.Get("Retry-After"))
	s.down.Store(false)
	require.Equal(t, 200, s.do(header("Authorization", "bearer  "+aliceKey)).status, "the scheme's case does not matter")
}

// Where people use a public address, that one alone is served, and its own pages and those that are named may call.
func TestPublicAddress(t *testing.T) {
	s := newSite(t, func(o *HTTPOptions) {
		o.PublicURL, o.Origins = "https://Vps.example.com", []string{"https://tools.example"}
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	own := host("vps.example.com")
	for name, c := range map[string]struct {
		change func(*http.Request)
		status int
		says   string
	}{
		"its own name":         {host("vps.example.com"), 200, ""},
		"in capitals":          {host("VPS.example.COM"), 200, ""},
		"with a port":          {host("vps.example.com:443"), 200, ""},
		"loopback":             {host("127.0.0.1"), 403, "127.0.0.1 is not vpsbot's address"},
		"a name below":         {host("a.vps.example.com"), 403, "a.vps.example.com is not vpsbot's address"},
		"its own pages":        {header("Origin", "https://Vps.example.com"), 200, ""},
		"the same over http":   {header("Origin", "http://vps.example.com"), 403, "web pages of http://vps.example.com may not call this"},
		"at another port":      {header("Origin", "https://vps.example.com:8443"), 403, "web pages of https://vps.example.com:8443 may not call this"},
		"pages that are named": {header("Origin", "https://tools.example"), 200, ""},
		"of this machine":      {header("Origin", "http://localhost:3000"), 403, "web pages of http://localhost:3000 may not call this"},
		"without encryption":   {header("X-Forwarded-Proto", "http"), 403, "use https"},
		"in capitals, twice":   {header("X-Forwarded-Proto", "HTTP, https"), 403, "use https"},
		"with encryption":      {header("X-Forwarded-Proto", "https"), 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.do(func(r *http.Request) {
				own(r)
				c.change(r)
			})
			require.Equal(t, c.status, got.status, got.says)
			require.Contains(t, got.says, c.says)
			require.Equal(t, got.status == 200 && strings.Contains(name, "pages"), got.header.Get("Access-Control-Allow-Origin") != "")
		})
	}
}

// What a browser asks before it sends a request of an allowed page is answered; for all others it is not.
func TestPreflight(t *testing.T) {
	s := newSite(t, func(o *HTTPOptions) { o.Origins = []string{"https://tools.example"} })
	for _, c := range []struct {
		host, origin string
		status       int
	}{
		{"localhost", "https://tools.example", 204}, {"localhost", "http://127.0.0.1:6274", 204},
		{"localhost", "https://evil.example", 403}, {"evil.example", "https://tools.example", 403}, {"localhost", "", 401},
	} {
		got := s.do(func(r *http.Request) {
			r.Method, r.Host, r.Header = http.MethodOptions, c.host, http.Header{"Access-Control-Request-Method": {"POST"}}
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
		})
		require.Equal(t, c.status, got.status, c)
		if c.status == 204 {
			require.Equal(t, c.origin, got.header.Get("Access-Control-Allow-Origin"))
			require.Equal(t, "POST", got.header.Get("Access-Control-Allow-Methods"))
			require.Contains(t, got.header.Get("Access-Control-Allow-Headers"), "Authorization")
			require.Empty(t, got.header.Get("Access-Control-Allow-Credentials"), "a cookie never calls")
		}
	}
}

// A request that is refused for several reasons is told the first.
func TestOrderOfTheChecks(t *testing.T) {
	s := newSite(t, func(o *HTTPOptions) { o.Limits = Limits{PerSecond: 2, InAll: 1} })
	arrived, goOn := s.holdReads()
	slow := make(chan outcome, 1)
	bob := s.client(bobKey)
	go func() { slow <- bob.tool("servers_get", `{"server":12345}`).outcome() }()
	s.eventually(func() bool { return arrived.Load() == 1 }, "it is served")
	for range 2 {
		require.Equal(t, 503, s.do(nil).status, "it counts all the same")
	}
	bad := map[string]func(*http.Request){
		"host": host("evil.example"), "origin": header("Origin", "https://evil.example"), "bearer": header("Authorization", "Bearer "+strangeKey),
		"method": func(r *http.Request) { r.Method = http.MethodPut },
		"body":   func(r *http.Request) { body(r, strings.Repeat(" ", mostBody+1)) },
	}
	for _, c := range []struct {
		mend   func()
		status int
		says   string
	}{
		{func() {}, 403, "evil.example is not vpsbot's address: set VPSBOT_PUBLIC_URL to the one that people use"},
		{func() { delete(bad, "host") }, 403, "web pages of https://evil.example may not call this: VPSBOT_ORIGINS names those that may"},
		{func() { delete(bad, "origin") }, 401, unknownKey},
		{func() { delete(bad, "bearer") }, 405, "send POST"},
		{func() { delete(bad, "method") }, 429, "too many calls by key:alice: 2 a second"},
		{func() { s.clock.Advance(time.Second) }, 503, "vpsbot is busy"},
		{func() { goOn(); <-slow; s.eventually(s.idle, "the call has ended") }, 413, "a message may have 1 MiB"},
		{func() { delete(bad, "body"); s.clock.Advance(time.Second) }, 200, `{"jsonrpc":"2.0","id":1,"result":{}}`},
	} {
		c.mend()
		got := s.do(func(r *http.Request) {
			for _, change := range bad {
				change(r)
			}
		})
		require.Equal(t, c.status, got.status)
		require.Equal(t, c.says, got.says)
	}
}

// holdReads delays each read of one server until goOn is called.
func (w *world) holdReads() (arrived *atomic.Int64, goOn func()) {
	arrived, held := &atomic.Int64{}, make(chan struct{})
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/servers/12345/") {
			arrived.Add(1)
			<-held
		}
		next.ServeHTTP(rw, r)
	})
	goOn = sync.OnceFunc(func() { close(held) })
	w.Cleanup(goOn)
	return arrived, goOn
}

// idle reports whether no request is in progress.
func (s *site) idle() bool { return s.http.idle() }

func (h *HTTP) idle() bool {
	h.callers.mu.Lock()
	defer h.callers.mu.Unlock()
	return h.callers.inAll == 0
}

// Sixty refused bearers of one address in a minute are enough; no store is asked any more. The address is the client's,
// as proxies that are trusted name it.
func TestFailedBearersOfOneAddress(t *testing.T) {
	for name, c := range map[string]struct {
		trusted       string
		forwarded     []string // of each failure
		same, another string   // X-Forwarded-For of one who may not try, and of one who may
	}{
		"no proxy":             {"", []string{""}, "", "?"},
		"an untrusted proxy":   {"192.0.2.0/24", []string{"203.0.113.1", "203.0.113.2"}, "203.0.113.99", "?"},
		"a proxy":              {"127.0.0.0/8", []string{"203.0.113.1"}, "203.0.113.1", "203.0.113.2"},
		"what a client claims": {"127.0.0.0/8", []string{"198.51.100.1, 203.0.113.1", "198.51.100.2,203.0.113.1", "x, 203.0.113.1"}, "203.0.113.1", "203.0.113.1, 203.0.113.2"},
		"two proxies":          {"127.0.0.0/8 192.0.2.0/24", []string{"203.0.113.1, 192.0.2.1", "203.0.113.1, 192.0.2.2"}, "203.0.113.1, 192.0.2.3", "203.0.113.2, 192.0.2.1"},
		"a network of IPv6":    {"127.0.0.0/8", []string{"2001:db8:1:2::1", "2001:db8:1:2:ffff::9"}, "2001:db8:1:2::3", "2001:db8:1:3::1"},
		"IPv4 as IPv6":         {"127.0.0.0/8", []string{"::ffff:203.0.113.1", "203.0.113.1"}, "203.0.113.1", "203.0.113.2"},
		"with a port":          {"127.0.0.0/8", []string{"203.0.113.1:4711", "203.0.113.1:4712"}, "203.0.113.1", "203.0.113.2:4711"},
		"IPv6 with a port":     {"127.0.0.0/8", []string{"[2001:db8::1]:4711"}, "2001:db8::2", "[2001:db8:1::1]:4711"},
		"no address":           {"127.0.0.0/8", []string{"unknown"}, "unknown", "203.0.113.2"},
	} {
		t.Run(name, func(t *testing.T) {
			lookups := 0
			s := newSite(t, func(o *HTTPOptions) {
				for prefix := range strings.FieldsSeq(c.trusted) {
					o.TrustedProxies = append(o.TrustedProxies, netip.MustParsePrefix(prefix))
				}
				o.Authenticate = counting(&lookups, o.Authenticate)
			})
			from := func(address, key string) int {
				got := s.do(func(r *http.Request) {
					r.Header.Set("Authorization", "Bearer "+key)
					if address != "" {
						r.Header.Set("X-Forwarded-For", address)
					}
				})
				if got.status == 429 {
					require.Equal(t, "too many failed attempts from this address: wait a minute", got.says)
					require.Equal(t, "1", got.header.Get("Retry-After"))
				}
				return got.status
			}
			for i := range 60 {
				require.Equal(t, 401, from(c.forwarded[i%len(c.forwarded)], strangeKey))
			}
			lookups = 0
			require.Equal(t, 429, from(c.same, strangeKey))
			require.Equal(t, 429, from(c.same, aliceKey))
			require.Zero(t, lookups)
			if c.another != "?" {
				require.Equal(t, 200, from(c.another, aliceKey))
			}
			s.clock.Advance(time.Minute)
			require.Equal(t, 200, from(c.same, aliceKey), "a minute later")
		})
	}
}

func counting(n *int, authenticate func(context.Context, string) (permissions.Actor, error)) func(context.Context, string) (permissions.Actor, error) {
	return func(ctx context.Context, secret string) (permissions.Actor, error) {
		*n++
		return authenticate(ctx, secret)
	}
}

// What is no guess of a key does not count as one.
func TestOnlyRefusedBearersCount(t *testing.T) {
	s := newSite(t, func(o *HTTPOptions) { o.Limits.FailedTries = 1 })
	for _, change := range []func(*http.Request){
		func(r *http.Request) { r.Header.Del("Authorization") }, header("Authorization", "Bearer a", "Bearer b"), header("Origin", "https://evil.example"), nil,
	} {
		s.do(change)
	}
	s.down.Store(true)
	require.Equal(t, 503, s.do(nil).status)
	s.down.Store(false)
	require.Equal(t, 200, s.do(nil).status)
	require.Equal(t, 401, s.do(header("Authorization", "Bearer "+vpsKey)).status)
	require.Equal(t, 429, s.do(nil).status)
}

// Strangers with many addresses take a bounded memory.
func TestManyAddressesTakeNoMemory(t *testing.T) {
	f := failures{most: 60}
	now := time.Now()
	for i := range 300_000 {
		f.note(fmt.Sprint(i), now)
	}
	require.LessOrEqual(t, len(f.by), mostAddresses)
}

// An error of the store is for the log: the answer has nothing of it, and neither has the bearer.
func TestErrorOfTheLookup(t *testing.T) {
	s := newSite(t, func(o *HTTPOptions) {
		o.Authenticate = func(context.Context, string) (permissions.Actor, error) {
			return "", errors.New("dial tcp 10.0.0.7:5432")
		}
	})
	for range 20 {
		got := s.do(nil)
		require.Equal(t, 503, got.status)
		require.Equal(t, "the store does not answer", got.says)
	}
	require.Equal(t, 1, strings.Count(s.log.String(), "10.0.0.7"), "whoever sends many requests does not fill the log")
}

// Parsers of headers take whatever comes, and agree to nothing that is not ours.
func FuzzHeaders(f *testing.F) {
	for _, seed := range [][4]string{
		{"localhost", "http://localhost", "Bearer vpsbot_x", "203.0.113.1"}, {"[::1]:80", "null", "bearer", "a, b"},
		{"evil.example", "https://evil.example", "", "[2001:db8::1]:1, ::ffff:1.2.3.4"}, {"]localhost[", "http://[::1]", "Bearer  ", "fe80::1%eth0"},
		{"127.1", "//", "Basic x", ",,"}, {"\x00", "%zz", "\xff", "\x7f"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	s := &Server{Runner: newWorld(f).server.Runner, Log: newWorld(f).server.Log}
	h := s.HTTP(HTTPOptions{
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Limits: Limits{FailedTries: 1 << 60},
		Authenticate: func(_ context.Context, secret string) (permissions.Actor, error) {
			if secret == aliceKey {
				return aliceOf, nil
			}
			return "", ErrUnknownBearer
		},
	})
	f.Fuzz(func(t *testing.T, host, origin, bearer, forwarded string) {
		r := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(ping))
		r.Host, r.Header = host, http.Header{"Origin": {origin}, "Authorization": {bearer}, "X-Forwarded-For": {forwarded}, "Content-Type": {"application/json"}}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Contains(t, []int{200, 401, 403}, w.Code)
		if w.Code == 200 {
			require.Contains(t, bearer, aliceKey)
		}
		require.NotEmpty(t, h.addressOf(r))
		require.NotContains(t, w.Header().Get("Access-Control-Allow-Origin"), "evil")
	})
}
