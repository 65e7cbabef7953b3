package mcpserver

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

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

// newSession makes the id of a session.
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

// sessionOfCaller names the session of a client of the newer era over HTTP, which has none of its own.
func sessionOfCaller(actor permissions.Actor) string { return "modern " + callerHash(actor) }

// sessionKey returns the key of the MACs, which all replicas share.
func (h *HTTP) sessionKey(ctx context.Context) ([]byte, error) {
	key, err := h.o.Secret(ctx)
	if err == nil && len(key) < sha256.Size {
		err = errors.New("the key of session ids is too short")
	}
	return key, err
}
