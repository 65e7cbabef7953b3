package runner

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/redact"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// tokenAge is how long a token's permissions may be kept.
const tokenAge = 60 * time.Second

// tokenCache keeps what GET /account/me/ said of the token in use. Its zero value is
// ready to use.
type tokenCache struct {
	mu     sync.Mutex
	key    [sha256.Size]byte // of the token that it was read with
	facts  permissions.Token
	email  string
	readAt time.Time // zero: nothing is kept
	flight singleflight.Group
}

// account returns the account's e-mail address, as last read.
func (r *Runner) account() string {
	r.cache.mu.Lock()
	defer r.cache.mu.Unlock()
	return r.cache.email
}

// token returns what the token may do: from memory if that is young enough and fresh is
// false, else by one request for however many callers wait. It fails closed.
func (r *Runner) token(ctx context.Context, fresh bool) (permissions.Token, error) {
	key, err := r.tokenKey(ctx)
	if err != nil {
		return permissions.Token{}, unreadable(err)
	}
	if facts, ok := r.cache.kept(key, r.Now()); ok && !fresh {
		return facts, nil
	}
	if fresh { // a request that began before the question cannot answer it
		return r.readToken(ctx, key)
	}
	wait := r.cache.flight.DoChan(string(key[:]), func() (facts any, err error) {
		defer func() { // in a goroutine of its own nobody else would catch it
			if broken := recover(); broken != nil {
				r.Log.Error("internal error while the permissions were read", "error", broken)
				err = unreadable(errInternal)
			}
		}()
		if facts, ok := r.cache.kept(key, r.Now()); ok {
			return facts, nil // somebody else's request has just ended
		}
		// The request outlives a caller who gives up: others wait for it too.
		return r.readToken(context.WithoutCancel(ctx), key)
	})
	select {
	case <-ctx.Done():
		return permissions.Token{}, unreadable(ctx.Err())
	case result := <-wait:
		facts, _ := result.Val.(permissions.Token)
		return facts, result.Err
	}
}

// pin makes a call use one token from its first request to its last: what was checked with
// one token must not be sent with another that a file holds a moment later.
func (r *Runner) pin(ctx context.Context) context.Context {
	if _, pinned := apiclient.PinnedToken(ctx); pinned {
		return ctx
	}
	token, err := r.Token()
	if err != nil {
		return ctx // the first request says what is wrong with it
	}
	return apiclient.UseToken(ctx, token)
}

func (r *Runner) tokenKey(ctx context.Context) ([sha256.Size]byte, error) {
	token, pinned := apiclient.PinnedToken(ctx)
	var err error
	if !pinned {
		token, err = r.Token()
	}
	return sha256.Sum256([]byte(token)), err
}

func (r *Runner) readToken(ctx context.Context, key [sha256.Size]byte) (permissions.Token, error) {
	began, simulated := r.Now(), false
	me, err := r.Client.Account.Me(apiclient.Trace(ctx, func(c apiclient.Call) { simulated = c.Simulator }))
	if err != nil {
		r.cache.drop()
		return permissions.Token{}, unreadable(err)
	}
	if me.Token.Permissions == nil {
		r.cache.drop()
		return permissions.Token{}, unreadable(errNoPermissions)
	}
	facts := tools.TokenOf(me)
	r.cache.keep(key, facts, accountOf(me, key, simulated), began)
	return facts, nil
}

var errInternal = errors.New("an internal error; it is logged")

// redact takes the token out of a text.
func (r *Runner) redact(s string) string {
	token, err := r.Token()
	if err != nil {
		return s
	}
	return redact.Text(s, token)
}

var errNoPermissions = errors.New("VPS.org's answer has no list of permissions")

// accountOf names the account that approvals belong to. One without an e-mail address is
// known by its token alone, so that two of them are not taken for one. The name of a simulator's
// account says what it is, wherever the account is named.
func accountOf(me apiclient.Me, key [sha256.Size]byte, simulated bool) string {
	name := text.Clean(me.Account.Email)
	if name == "" {
		name = fmt.Sprintf("token %x", key[:6])
	}
	if simulated {
		return "SIMULATOR " + name
	}
	return name
}

func (c *tokenCache) kept(key [sha256.Size]byte, now time.Time) (permissions.Token, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	age := now.Sub(c.readAt)
	return c.facts, !c.readAt.IsZero() && c.key == key && 0 <= age && age < tokenAge
}

func (c *tokenCache) keep(key [sha256.Size]byte, facts permissions.Token, email string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.key == key && c.readAt.After(now) {
		return // a later question has been answered already
	}
	c.key, c.facts, c.email, c.readAt = key, facts, email, now
}

// drop forgets what is kept: the API has just said that it no longer holds.
func (c *tokenCache) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readAt = time.Time{}
}

// Heed drops what is kept of the token after a 401 or a 403. It is for the client's
// Options.Observe, so that it hears of every call.
func (r *Runner) Heed(c apiclient.Call) {
	if c.Kind == apiclient.KindUnauthorized || c.Kind == apiclient.KindForbidden {
		r.cache.drop()
	}
}

func unreadable(err error) error {
	return &refusal{"the token's permissions cannot be read, so nothing is done: " + explain(err)}
}
