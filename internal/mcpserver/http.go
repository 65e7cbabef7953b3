package mcpserver

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"golang.org/x/time/rate"

	"github.com/vpsbot/vpsbot/internal/background"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/internal/trace"
	"github.com/vpsbot/vpsbot/permissions"
)

// HTTPOptions are the settings of a server over HTTP.
type HTTPOptions struct {
	PublicURL      string         // that people use; empty: loopback addresses alone
	Origins        []string       // of web pages that may call
	TrustedProxies []netip.Prefix // whose X-Forwarded-For and -Proto count

	// Authenticate returns who holds an access key. It fails with ErrUnknownBearer or ErrVPSToken for one that is none,
	// and with any other error if that could not be found out.
	Authenticate func(ctx context.Context, secret string) (permissions.Actor, error)
	// Secret returns the key of the MACs in session ids, of 32 bytes or more, which all replicas share.
	Secret func(context.Context) ([]byte, error)
	Limits Limits
	Pulse  *background.Pulse // watches the loop of RunApproved; nil: nothing does
}

// HTTP serves MCP over streamable HTTP, in both eras on one path. It keeps no sessions: any replica takes any request
// and any answer. It is made by [Server.HTTP].
type HTTP struct {
	*Server
	o        HTTPOptions
	public   *url.URL // nil: none
	callers  callers
	failures failures
	outages  rate.Sometimes // of the store, that are logged
	memories sync.Map       // of *memory, by caller: there are as many as access keys

	stopping context.Context // ends when the server stops
	stop     context.CancelFunc
	running  sync.Map // of records by id, that run here
	runs     sync.WaitGroup
}

const mostBody = 1 << 20

// HTTP returns the handler of /mcp.
func (s *Server) HTTP(o HTTPOptions) *HTTP {
	o.Limits = o.Limits.orDefaults()
	h := &HTTP{
		Server: s, o: o,
		callers:  callers{limits: o.Limits, by: map[permissions.Actor]*usage{}},
		failures: failures{most: o.Limits.FailedTries},
		outages:  rate.Sometimes{First: 1, Interval: time.Minute},
	}
	if o.PublicURL != "" {
		h.public, _ = url.Parse(o.PublicURL)
	}
	h.stopping, h.stop = context.WithCancel(context.Background())
	return h
}

// stopGrace is how long calls may go on that do not wait for a person when the server stops.
const stopGrace = 3 * time.Second

// Stop refuses new calls. Those that wait for a person end at once, and their records stay, to be answered elsewhere;
// the others end after stopGrace, but for requests that were sent to the API.
func (h *HTTP) Stop() { h.stop() }

func (h *HTTP) now() time.Time { return h.Runner.Now() }

// ServeHTTP serves one request.
func (h *HTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{HTTP: h, w: w, r: r, began: time.Now(), method: "other", era: "older"}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	h.allowPages(w, r)
	if r.Method == http.MethodOptions && w.Header().Get("Access-Control-Allow-Origin") != "" && h.isOwnHost(hostOf(r.Host)) {
		w.WriteHeader(http.StatusNoContent) // what a browser asks before it sends a request
		return
	}
	if refused := x.serve(); refused != nil {
		x.refuse(refused)
	}
	if h.Observe != nil {
		h.Observe.Answered(x.method, x.era, x.status, time.Since(x.began))
	}
}

type exchange struct {
	*HTTP
	w     http.ResponseWriter
	r     *http.Request
	actor permissions.Actor

	began       time.Time
	method, era string // for the metrics
	status      int
}

// refuse answers a request whose message is not read.
func (x *exchange) refuse(refused *refusal) {
	x.status = refused.status
	header := x.w.Header()
	switch refused.status {
	case http.StatusUnauthorized:
		header.Set("WWW-Authenticate", `Bearer realm="vpsbot"`)
		if refused.says != sendKey {
			header.Set("WWW-Authenticate", `Bearer realm="vpsbot", error="invalid_token"`)
		}
	case http.StatusMethodNotAllowed:
		header.Set("Allow", http.MethodPost)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		header.Set("Retry-After", "1")
	}
	if x.Observe != nil {
		x.Observe.Refused(refused.why)
	}
	http.Error(x.w, refused.says, refused.status)
}

// serve admits the request, reads its message and answers it.
func (x *exchange) serve() (refused *refusal) {
	if x.actor, refused = x.admit(x.r); refused != nil {
		return refused
	}
	if x.stopping.Err() != nil {
		return &refusal{http.StatusServiceUnavailable, "stopping", "vpsbot is stopping"}
	}
	end, refused := x.callers.begin(x.actor, 1, x.now())
	if refused != nil {
		return x.takeAnswer(refused)
	}
	defer end()
	body, refused := x.body()
	if refused != nil {
		return refused
	}
	if x.Observe != nil {
		x.Observe.UnderWay(1)
		defer x.Observe.UnderWay(-1)
	}
	return x.take(body)
}

// mostAnswer is more than the answer to a form has.
const mostAnswer = 16 << 10

// takeAnswer takes a request that is refused as one call too many if it is the answer to a question, which is no call:
// clients do not send it again.
func (x *exchange) takeAnswer(refused *refusal) *refusal {
	if size := x.r.ContentLength; size < 0 || size > mostAnswer {
		return refused
	}
	body, unread := x.body()
	if unread != nil {
		return refused
	}
	if e, err := decodeEnvelope(body); err != nil || !e.isResponse() || !x.callers.mayAnswer(x.actor, x.now()) {
		return refused
	}
	return x.take(body)
}

func (x *exchange) body() ([]byte, *refusal) {
	if kind, _, err := mime.ParseMediaType(x.r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, &refusal{http.StatusUnsupportedMediaType, "body", "send Content-Type: application/json"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, mostBody))
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return nil, &refusal{http.StatusRequestEntityTooLarge, "body", "a message may have 1 MiB"}
	case err != nil:
		return nil, &refusal{http.StatusBadRequest, "body", "the message did not arrive whole"}
	}
	return body, nil
}

// take answers the message of a request.
func (x *exchange) take(body []byte) *refusal {
	c, refused := x.client()
	if refused != nil {
		return refused
	}
	if isBatch(body) {
		return x.takeBatch(c, body)
	}
	e, err := decodeEnvelope(body)
	if err != nil {
		x.end(http.StatusBadRequest, err.reply(nil))
		return nil
	}
	x.method = methodLabel(e.Method)
	modern, err := x.checkEra(e)
	if modern {
		x.era = "2026"
	}
	if !modern && e.Method != mcp.MethodInitialize && x.isLostSession(c) {
		return noSession
	}
	switch {
	case err != nil:
		x.end(http.StatusBadRequest, err.reply(e.ID))
	case modern:
		x.takeModern(c, e)
	case e.isResponse():
		x.takeResponse(c, e)
	case e.Method == mcp.MethodInitialize:
		return x.takeInitialize(c, e)
	default:
		x.stream(c, func(ctx context.Context, c client) (int, []byte) { return http.StatusOK, x.answerOne(ctx, c, e) })
	}
	return nil
}

// takeModern answers a message of the newer era, where each request stands alone.
func (x *exchange) takeModern(c client, e envelope) {
	switch {
	case e.isResponse():
		x.end(http.StatusBadRequest, (&rpcError{Code: mcp.INVALID_REQUEST, Message: "in this protocol version answers come with a new call"}).reply(e.ID))
	case e.isNotification(): // a request is cancelled by closing its connection
		x.end(http.StatusAccepted, nil)
	default:
		c.session, c.version = "", ""
		x.stream(c, func(ctx context.Context, c client) (int, []byte) {
			reply := x.answerOne(ctx, c, e)
			return statusOf(e.ID, reply), reply
		})
	}
}

// takeBatch answers a list of messages, each of which counts.
func (x *exchange) takeBatch(c client, body []byte) *refusal {
	x.method = "batch"
	if x.isLostSession(c) {
		return noSession
	}
	messages, err := decodeBatch(body)
	if err == nil && len(messages) > 1 {
		end, refused := x.callers.begin(x.actor, len(messages)-1, x.now())
		if refused != nil {
			return refused
		}
		defer end()
	}
	x.stream(c, func(ctx context.Context, c client) (int, []byte) { return http.StatusOK, x.answerBatch(ctx, c, body) })
	return nil
}

// stream answers a request that may take long, and during which the client may be notified and asked.
func (x *exchange) stream(c client, answer func(context.Context, client) (int, []byte)) {
	s := newStream(x.w, strings.Contains(x.r.Header.Get("Accept"), "text/event-stream"), x.secrets)
	c.send = s.send
	c.forms = c.forms && s.mayStream && c.session != ""
	c.stopping = x.stopping
	ctx, cancel := context.WithCancel(x.r.Context())
	defer cancel()
	if x.Runner.Tracer != nil {
		ctx = trace.Remote(ctx, x.r.Header.Get("traceparent"), x.r.Header.Get("tracestate"))
	}
	defer context.AfterFunc(x.stopping, func() { time.AfterFunc(stopGrace, cancel) })()
	status, reply := answer(ctx, c)
	x.status = status
	if reply == nil {
		x.status = http.StatusAccepted
	}
	s.end(x.status, reply)
}

func (x *exchange) end(status int, reply []byte) {
	x.status = status
	newStream(x.w, false, x.secrets).end(status, reply)
}

// printable returns what a client has sent as a part of a message of ours.
func printable(given string) string { return text.Cut(text.Clean(given), 100) }
