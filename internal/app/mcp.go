package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/background"
	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/keys"
	"github.com/vpsbot/vpsbot/internal/mcpserver"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/ttl"
	"github.com/vpsbot/vpsbot/permissions"
)

const (
	reconcileAfter = 2 * time.Second // the start itself stays quick
	verifyEvery    = 5 * time.Second // how long a revoked key is still served
)

// ServeMCP serves an assistant on in and out until in or ctx ends, or until the access key is no longer
// valid. The caller has authenticated.
func (a *App) ServeMCP(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, end := context.WithCancelCause(ctx)
	var running sync.WaitGroup
	defer func() {
		end(nil)
		running.Wait()
	}()
	running.Go(func() {
		if backoff.Sleep(ctx, reconcileAfter) == nil {
			a.maintain(ctx)
		}
	})
	running.Go(func() {
		for backoff.Sleep(ctx, verifyEvery) == nil {
			if err := a.verifyIdentity(ctx); err != nil {
				end(err)
			}
		}
	})
	s := &mcpserver.Server{Runner: a.Runner, Version: ReadVersion().Version, Log: a.Runner.Log}
	if err := s.ServeStdio(ctx, a.Actor, in, out); err != nil {
		return err
	}
	if ended, ok := errors.AsType[*Error](context.Cause(ctx)); ok {
		return ended
	}
	return nil
}

// newMCP returns the handler of /mcp.
func (a *App) newMCP(pulse *background.Pulse) *mcpserver.HTTP {
	secret := ttl.Cache[[]byte]{Fresh: math.MaxInt64, Now: a.env.Clock}
	s := &mcpserver.Server{Runner: a.Runner, Version: ReadVersion().Version, Log: a.Runner.Log, Observe: a.metrics}
	return s.HTTP(mcpserver.HTTPOptions{
		PublicURL: a.Config.PublicURL, Origins: a.Config.Origins, TrustedProxies: a.Config.TrustedProxies, Limits: a.Limits, Pulse: pulse,
		Authenticate: newCallers(a).authenticate,
		Secret: func(ctx context.Context) ([]byte, error) {
			return secret.Get(ctx, "", func(ctx context.Context) ([]byte, error) {
				db, err := a.Store.Open(ctx)
				if err != nil {
					return nil, err
				}
				return db.Secret(ctx, "mcp-sessions")
			})
		},
	})
}

const policyLines = `version: 1
people:
  - {id: ada, keys: [ada-laptop]} # the key: vpsbot keys create ada-laptop
rules:
  - {name: ada reads, effect: allow, who: [ada], where: [mcp], risks: [read]}
`

// slackLine allows in Slack what everybody may there without a policy.
const slackLine = `  - {name: all read in Slack, effect: allow, who: ["*"], where: [slack], risks: [read]}
`

// CheckExposure fails, with the lines to write, where other machines reach /mcp and no policy says who may do what.
func (a *App) CheckExposure() error {
	if a.Config.IsLocal() || a.Config.PolicyFile() != "" {
		return nil
	}
	lines := policyLines
	if _, err := a.Config.SlackMode(); !errors.Is(err, config.ErrNoSlack) {
		lines += slackLine
	}
	return Errorf(runner.Invalid, "other machines reach /mcp at %s, so a policy must say who may do what there: set VPSBOT_POLICY_FILE to a file "+
		"with lines such as these, or VPSBOT_MCP=false to serve no /mcp\n\n%s", cmp.Or(a.Config.PublicURL, a.Config.Listen), lines)
}

// warnOfKeys warns at the start where nobody has an access key.
func (s *service) warnOfKeys(ctx context.Context) {
	db, err := s.Store.Open(ctx)
	if err != nil {
		return // readiness reports it
	}
	all, err := db.Keys(ctx)
	isValid := func(k keys.Key) bool { return k.Ended(s.Now()) == nil }
	if err == nil && !slices.ContainsFunc(all, isValid) {
		s.log.Warn("no access key is valid, so nobody can call /mcp; vpsbot keys create NAME makes one")
	}
}

const (
	keyKept       = 5 * time.Second // how long a key that was revoked is still taken
	mostKeys      = 1000            // kept at once
	lookupTimeout = 5 * time.Second
)

// vpsToken begins the tokens of VPS.org.
const vpsToken = "vps_"

// callers finds out who calls over HTTP, by access key.
type callers struct {
	*App
	keys ttl.Cache[keys.Key] // by the hash of the secret
}

func newCallers(a *App) *callers {
	return &callers{App: a, keys: ttl.Cache[keys.Key]{Fresh: keyKept, Max: mostKeys, Now: a.Now}}
}

// authenticate returns the holder of an access key. A text that cannot be one is not looked up.
func (c *callers) authenticate(ctx context.Context, secret string) (permissions.Actor, error) {
	switch {
	case strings.HasPrefix(secret, vpsToken):
		return "", mcpserver.ErrVPSToken
	case !strings.HasPrefix(secret, keys.Prefix):
		return "", mcpserver.ErrUnknownBearer
	}
	key, err := c.keys.Get(ctx, keys.Hash(secret), func(ctx context.Context) (keys.Key, error) {
		ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
		defer cancel()
		db, err := c.Store.Open(ctx)
		if err != nil {
			return keys.Key{}, err
		}
		return keys.Find(ctx, db, secret, c.Now())
	})
	if err == nil {
		err = key.Ended(c.Now())
	}
	switch {
	case err == nil:
		return permissions.Key(key.Name), nil
	case isNoKey(err):
		return "", mcpserver.ErrUnknownBearer
	}
	return "", fmt.Errorf("an access key cannot be looked up: %w", err)
}

// isNoKey reports whether an error means that a secret is no access key in force; otherwise the store did not answer.
func isNoKey(err error) bool {
	return errors.Is(err, keys.ErrNotFound) || errors.Is(err, keys.ErrRevoked) || errors.Is(err, keys.ErrExpired)
}
