package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/keys"
	"github.com/vpsbot/vpsbot/internal/policy"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

// policy returns what this installation lets anybody do, as it stands at each call. A policy
// file that cannot be in force comes with its error, and with a policy that refuses everybody. The file
// is nil where there is none.
func (a *app) policy(cfg config.Config, log *slog.Logger) (func() permissions.Policy, *policy.File, error) {
	cfg.Policy.OneUser = a.oneUser
	path := cfg.PolicyFile()
	if path == "" {
		return func() permissions.Policy { return cfg.Policy }, nil, nil
	}
	file, err := policy.Open(path, policy.Options{Base: cfg.Policy, Operations: policyOperations(), Now: a.now, Log: log})
	if err != nil {
		nobody := permissions.Policy{Book: &permissions.Rulebook{}}
		return func() permissions.Policy { return nobody }, nil, fmt.Errorf("VPSBOT_POLICY_FILE: %w", err)
	}
	return file.Policy, file, nil
}

// warnOfPolicy logs what is doubtful in the policy, in a process that goes on.
func (p *parts) warnOfPolicy() {
	if p.policyFile != nil {
		p.policyFile.Warn()
	}
}

// ready fails for what must be in order before anything is run or agreed to: the policy, and
// who this is.
func (p *parts) ready(ctx context.Context) error {
	if p.policyErr != nil {
		return invalid(p.policyErr)
	}
	return p.identify(ctx)
}

// errNameless says that nothing here tells who this is.
var errNameless = fail(runner.Refuse, "on PostgreSQL an access key says who you are, because anybody could claim a user's name: "+
	"whoever looks after the database makes one, vpsbot keys create NAME; set VPSBOT_KEY_FILE to a file that holds it")

// identify finds out who is at this terminal, or whose assistant this is.
func (p *parts) identify(ctx context.Context) (err error) {
	p.actor, err = p.who(ctx)
	return err
}

// who is the holder of the access key that is set. Without one it is the user of this machine
// whose process this is, where nobody from another machine could say the same.
func (p *parts) who(ctx context.Context) (permissions.Actor, error) {
	secret, err := p.key()
	switch {
	case err != nil:
		return "", invalid(err)
	case secret != "":
		return p.bearer(ctx, secret)
	case p.config.IsShared():
		return "", errNameless
	}
	return localActor(), nil
}

// bearer looks an access key up.
func (p *parts) bearer(ctx context.Context, secret string) (permissions.Actor, error) {
	db, err := p.store.get(ctx)
	if err != nil {
		return "", err
	}
	key, err := keys.Find(ctx, db, secret, p.now())
	switch {
	case err == nil:
		return permissions.Key(key.Name), nil
	case errors.Is(err, keys.ErrNotFound), errors.Is(err, keys.ErrRevoked), errors.Is(err, keys.ErrExpired):
		return "", fail(runner.Refuse, "VPSBOT_KEY: %v", err)
	}
	return "", fmt.Errorf("who you are cannot be looked up: %w", err)
}

// ended says why an identity counts no more: the access key was revoked or has expired since. A
// user of this machine, or of Slack, has no such end.
func (p *parts) ended(ctx context.Context, who permissions.Actor) (why string, err error) {
	name, isKey := strings.CutPrefix(string(who), string(permissions.Key("")))
	if !isKey {
		return "", nil
	}
	db, err := p.store.get(ctx)
	if err != nil {
		return "", err
	}
	switch err := keys.Ended(ctx, db, name, p.now()); {
	case errors.Is(err, keys.ErrRevoked):
		return "the access key was revoked", nil
	case errors.Is(err, keys.ErrExpired):
		return "the access key has expired", nil
	case errors.Is(err, keys.ErrNotFound):
		return "there is no access key of that name", nil
	default:
		return "", err
	}
}

// named is identify for a command that needs no name. Only a key that is wrong stops it.
func (p *parts) named(ctx context.Context) error {
	if err := p.identify(ctx); err != nil && !errors.Is(err, errNameless) {
		return err
	}
	return nil
}

// isOwn reports whether a record is of the person who is here, by whichever of their
// identities.
func (p *parts) isOwn(actor, person string) bool {
	here, known := p.runner.Policy().Person(p.actor)
	return actor == string(p.actor) || known && person != "" && person == here
}
