package runner

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/redact"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/internal/ttl"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// tokenAge is how long a token's permissions may be kept.
const tokenAge = 60 * time.Second

// tokenCache holds the permissions of the token in use, by the hash of the token, and the servers that were
// called by a name with it. It fails closed: a read that fails deletes them. The zero value is ready to use.
type tokenCache struct {
	once        sync.Once
	permissions ttl.Cache[permissions.Token]
	names       ttl.Cache[apiclient.ID]
	last        atomic.Pointer[accountNames]
}

type accountNames struct{ account, token string }

func (r *Runner) caches() *tokenCache {
	r.cache.once.Do(func() {
		now := func() time.Time { return r.Now() }
		r.cache.permissions = ttl.Cache[permissions.Token]{Fresh: tokenAge, Max: 1, Now: now}
		r.cache.names = ttl.Cache[apiclient.ID]{Fresh: nameAge, Max: maxNames, Now: now}
	})
	return &r.cache
}

// account returns the account's e-mail address in the last answer, and tokenName the token's name.
func (r *Runner) account() string   { return r.lastNames().account }
func (r *Runner) tokenName() string { return r.lastNames().token }

func (r *Runner) lastNames() *accountNames { return cmp.Or(r.cache.last.Load(), &accountNames{}) }

// token returns the permissions of the token. They are at most tokenAge old, or read now if fresh is true, for
// a request that began earlier cannot answer then. It fails closed.
func (r *Runner) token(ctx context.Context, fresh bool) (permissions.Token, error) {
	key, err := r.tokenKey(ctx)
	if err != nil {
		return permissions.Token{}, unreadable(err)
	}
	read := func(ctx context.Context) (permissions.Token, error) { return r.readToken(ctx, key) }
	var facts permissions.Token
	if fresh {
		facts, err = r.caches().permissions.Read(ctx, key, read)
	} else {
		facts, err = r.caches().permissions.Get(ctx, key, func(ctx context.Context) (facts permissions.Token, err error) {
			defer func() { // the cache's goroutine has no other recover
				if broken := recover(); broken != nil {
					r.Log.Error("internal error while the permissions were read", "error", broken)
					err = errors.New("an internal error; it is logged")
				}
			}()
			return read(ctx)
		})
	}
	if err != nil {
		return permissions.Token{}, unreadable(err)
	}
	return facts, nil
}

// pin makes a call use one token from its first request to its last: a change that was checked with
// one token must not be sent with another, which the token's file may hold by then.
func (r *Runner) pin(ctx context.Context) context.Context {
	if _, pinned := apiclient.PinnedToken(ctx); pinned {
		return ctx
	}
	token, err := r.Token()
	if err != nil {
		return ctx // the first request returns the error
	}
	return apiclient.UseToken(ctx, token)
}

// tokenKey is the hash of the token that a call uses.
func (r *Runner) tokenKey(ctx context.Context) (string, error) {
	token, pinned := apiclient.PinnedToken(ctx)
	var err error
	if !pinned {
		token, err = r.Token()
	}
	hash := sha256.Sum256([]byte(token))
	return string(hash[:]), err
}

func (r *Runner) readToken(ctx context.Context, key string) (permissions.Token, error) {
	simulated := false
	me, err := r.Client.Account.Me(apiclient.Trace(ctx, func(c apiclient.Call) { simulated = c.Simulator }))
	if err != nil {
		return permissions.Token{}, err
	}
	if me.Token.Permissions == nil {
		return permissions.Token{}, errors.New("VPS.org's answer has no list of permissions")
	}
	facts := tools.TokenOf(me)
	r.cache.last.Store(&accountNames{accountOf(me, key, simulated), facts.Name})
	return facts, nil
}

func (r *Runner) redact(s string) string {
	token, err := r.Token()
	if err != nil {
		return s
	}
	return redact.Text(s, token)
}

// accountOf returns the name of the account in records: its e-mail address, or else the hash of
// its token, so that two accounts without an address differ. The name of a simulator's
// account begins with SIMULATOR.
func accountOf(me apiclient.Me, key string, simulated bool) string {
	name := text.Clean(me.Account.Email)
	if name == "" {
		name = fmt.Sprintf("token %x", key[:6])
	}
	if simulated {
		return "SIMULATOR " + name
	}
	return name
}

// ObserveCall deletes the cached permissions of the token after a 401 or a 403. It is for
// the client's Options.Observe.
func (r *Runner) ObserveCall(c apiclient.Call) {
	if c.Kind == apiclient.KindUnauthorized || c.Kind == apiclient.KindForbidden {
		r.caches().permissions.Clear()
	}
}

func unreadable(err error) error {
	return &tools.Refusal{Text: "the token's permissions cannot be read, so nothing is done: " + Explain(err)}
}

// ExpiryNotice warns in a sentence of a token that has expired or does so within a week; "" if
// there is nothing to warn of, or the token cannot be read.
func (r *Runner) ExpiryNotice(ctx context.Context) string {
	token, err := r.token(r.pin(ctx), false)
	if err != nil {
		return ""
	}
	if token.Expired(r.Now()) {
		return fmt.Sprintf("The token %q has expired: make a new one at %s", token.Name, permissions.TokensPage)
	}
	return token.ExpiryNotice(r.Now())
}
