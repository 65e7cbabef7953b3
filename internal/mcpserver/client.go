package mcpserver

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

// client is who sends messages: the one client of a process on stdio, the caller of a request over HTTP. It is a
// value: each message is answered to the client as it was when the message came.
type client struct {
	actor   permissions.Actor
	remote  bool   // over HTTP
	session string // the questions that are put to it can be answered in it alone
	version string // the protocol version that initialize negotiated; empty: none, or the newer era
	forms   bool   // the client of an older version can be asked by form
	memory  *memory
	waits   func(change int) (tooMany bool) // counts its calls that wait for a person; nil on stdio

	stopping  context.Context                                   // ends when the server stops; nil on stdio, where the message's own does
	asked     *atomic.Int64                                     // questions on stdio, which have numbers
	elsewhere func(context.Context, client, envelope) *rpcError // takes a response that no call waits for here; nil on stdio
	send      func(message []byte) error                        // sends a notification or a question, beside the answer
}

func (c client) notify(method mcp.MCPMethod, params any) error {
	message, err := encodeRequest(nil, method, params)
	if err != nil {
		return err
	}
	return c.send(message)
}

type clientKey struct{}

func withClient(ctx context.Context, c client) context.Context {
	return context.WithValue(ctx, clientKey{}, c)
}

// clientOf returns the client of the message that a handler of mcp-go answers.
func clientOf(ctx context.Context) client {
	c, _ := ctx.Value(clientKey{}).(client)
	return c
}

func callerOf(ctx context.Context) permissions.Actor { return clientOf(ctx).actor }

// handshake is what the client declares in initialize.
type handshake struct {
	Version      string             `json:"protocolVersion"`
	Capabilities clientCapabilities `json:"capabilities"`
	Client       mcp.Implementation `json:"clientInfo"`
}

// sessionClaims is what a session of the older era over HTTP consists of. It is written into the id of the session,
// with a MAC, so that no process keeps sessions and every replica takes every request.
type sessionClaims struct {
	Caller  string `json:"c"` // hash
	Version string `json:"v"` // that initialize negotiated
	Forms   bool   `json:"f,omitempty"`
	Client  string `json:"n,omitempty"` // the name that the client gives itself
	Began   int64  `json:"t"`           // Unix time
	Random  string `json:"r"`
}

const (
	sessionPrefix = "v1."
	sessionLasts  = 30 * 24 * time.Hour
	longestClient = 40 // characters of a client's name
	macBytes      = 16
)

var errNoSession = errors.New("no such session: initialize again")

func newSession(key []byte, actor permissions.Actor, agreed handshake, now time.Time) (string, error) {
	claims, err := json.Marshal(sessionClaims{
		Caller: callerHash(actor), Version: agreed.Version, Forms: agreed.Capabilities.forms(),
		Client: text.Cut(text.Clean(agreed.Client.Name), longestClient), Began: now.Unix(), Random: rand.Text()[:12],
	})
	if err != nil {
		return "", err
	}
	body := sessionPrefix + base64.RawURLEncoding.EncodeToString(claims)
	return body + "." + sessionMAC(key, body), nil
}

// openSession returns what a session id says, or errNoSession if it is not ours, of another caller, or too old.
func openSession(key []byte, id string, actor permissions.Actor, now time.Time) (claims sessionClaims, err error) {
	dot := strings.LastIndexByte(id, '.')
	if dot < 0 || !hmac.Equal([]byte(id[dot+1:]), []byte(sessionMAC(key, id[:dot]))) {
		return claims, errNoSession
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(id[:dot], sessionPrefix))
	if err != nil || json.Unmarshal(raw, &claims) != nil {
		return claims, errNoSession
	}
	if claims.Caller != callerHash(actor) || now.Sub(time.Unix(claims.Began, 0)) > sessionLasts {
		return claims, errNoSession
	}
	return claims, nil
}

func sessionMAC(key []byte, body string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(body))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:macBytes])
}

// callerHash stands for a caller in ids, which proxies log.
func callerHash(actor permissions.Actor) string {
	sum := sha256.Sum256([]byte("vpsbot caller " + string(actor)))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// client returns the client that a request of the older era comes from, by its session. Without a session it is
// served, and cannot be asked.
func (x *exchange) client() (client, *refusal) {
	remembered, _ := x.memories.LoadOrStore(x.actor, &memory{})
	c := client{
		actor: x.actor, remote: true, memory: remembered.(*memory), version: mcp.ProtocolVersion20250326,
		waits: func(change int) bool { return x.callers.wait(x.actor, change) }, elsewhere: x.answerElsewhere,
	}
	if version := x.r.Header.Get(mcp.HeaderProtocolVersion); version != "" {
		c.version = version
	}
	id := x.r.Header.Get("Mcp-Session-Id")
	if id == "" {
		return c, nil
	}
	key, err := x.sessionKey(x.r.Context())
	if err != nil {
		return c, x.storeRefuses("the key of session ids cannot be read", err)
	}
	if claims, err := openSession(key, id, x.actor, x.now()); err == nil {
		c.session, c.version, c.forms = "http "+claims.Random, claims.Version, claims.Forms
	}
	return c, nil
}

var noSession = &refusal{http.StatusNotFound, "session", errNoSession.Error()}

// isLostSession reports whether the request names a session that is not the caller's, or none any more.
func (x *exchange) isLostSession(c client) bool {
	return c.session == "" && x.r.Header.Get("Mcp-Session-Id") != ""
}

// takeInitialize answers initialize with the id of a new session.
func (x *exchange) takeInitialize(c client, e envelope) *refusal {
	key, err := x.sessionKey(x.r.Context())
	if err != nil {
		return x.storeRefuses("the key of session ids cannot be read", err)
	}
	reply, agreed := x.initialize(x.r.Context(), c, e)
	if agreed.Version != "" {
		id, err := newSession(key, x.actor, agreed, x.now())
		if err != nil {
			x.logInternalError("initialize", err)
			return &refusal{http.StatusInternalServerError, "body", "an internal error; it is logged"}
		}
		x.w.Header().Set("Mcp-Session-Id", id)
	}
	x.end(http.StatusOK, reply)
	return nil
}

// sessionKey returns the key of the MACs, which all replicas share.
func (h *HTTP) sessionKey(ctx context.Context) ([]byte, error) {
	key, err := h.o.Secret(ctx)
	if err == nil && len(key) < sha256.Size {
		err = errors.New("the key of session ids is too short")
	}
	return key, err
}
