package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/keys"
	"github.com/vpsbot/vpsbot/internal/policy"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

// openPolicy returns the policy as a function of the moment, for a policy file is read again when it
// changes. A file that is invalid comes with its error and with a policy that refuses everybody. The file
// is nil where none is set.
func (e *Environment) openPolicy(cfg config.Config, log *slog.Logger) (func() permissions.Policy, *policy.File, error) {
	cfg.Policy.OneUser = e.OneUser
	path := cfg.PolicyFile()
	if path == "" {
		return func() permissions.Policy { return cfg.Policy }, nil, nil
	}
	file, err := policy.Open(path, policy.Options{Base: cfg.Policy, Operations: PolicyOperations(e.Catalogue), Now: e.Clock, Log: log})
	if err != nil {
		nobody := permissions.Policy{Book: &permissions.Rulebook{}}
		return func() permissions.Policy { return nobody }, nil, fmt.Errorf("VPSBOT_POLICY_FILE: %w", err)
	}
	return file.Policy, file, nil
}

// WarnOfPolicy logs the warnings of the policy file.
func (a *App) WarnOfPolicy() {
	if a.PolicyFile != nil {
		a.PolicyFile.Warn()
	}
}

// ErrNoIdentity is the error of Authenticate where no access key is set and a user's name proves nothing.
var ErrNoIdentity = Errorf(runner.Refuse, "on PostgreSQL an access key identifies you, because anybody could claim a user's name: "+
	"an administrator of the database makes one, vpsbot keys create NAME; set VPSBOT_KEY_FILE to a file that holds it")

// Authenticate sets Actor: the owner of the access key that is set, or else the user of this process,
// where the database is on this machine alone.
func (a *App) Authenticate(ctx context.Context) (err error) {
	a.Actor, err = a.authenticated(ctx)
	return err
}

func (a *App) authenticated(ctx context.Context) (permissions.Actor, error) {
	secret, err := a.key()
	switch {
	case err != nil:
		return "", Invalid(err)
	case secret == "" && a.Config.IsShared():
		return "", ErrNoIdentity
	case secret == "":
		return LocalActor(), nil
	}
	db, err := a.Store.Open(ctx)
	if err != nil {
		return "", err
	}
	key, err := keys.Find(ctx, db, secret, a.Now())
	switch {
	case err == nil:
		return permissions.Key(key.Name), nil
	case isNoKey(err):
		return "", Errorf(runner.Refuse, "VPSBOT_KEY_FILE or VPSBOT_KEY: %v", err)
	}
	return "", fmt.Errorf("who you are cannot be looked up: %w", err)
}

// keyEnded says why the access key of an actor is no longer valid. An actor without a key has no such end.
func (a *App) keyEnded(ctx context.Context, actor permissions.Actor) (why string, err error) {
	name, isKey := strings.CutPrefix(string(actor), string(permissions.Key("")))
	if !isKey {
		return "", nil
	}
	db, err := a.Store.Open(ctx)
	if err != nil {
		return "", err
	}
	switch err := keys.Ended(ctx, db, name, a.Now()); {
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

// verifyIdentity fails once the access key is no longer valid, or is that of another actor. A store that
// does not answer changes nothing.
func (a *App) verifyIdentity(ctx context.Context) error {
	actor, err := a.authenticated(ctx)
	if refused, ok := errors.AsType[*Error](err); ok {
		return refused
	}
	if err == nil && actor != a.Actor {
		return Errorf(runner.Refuse, "the access key is now that of %s; start vpsbot mcp anew to go on as that", actor)
	}
	return nil
}

// LocalActor is the user of this process as the system names it: a variable could be set by anybody.
func LocalActor() permissions.Actor {
	uid := os.Getuid()
	if uid < 0 { // Windows has no such numbers
		if u, err := user.Current(); err == nil {
			return permissions.Local(u.Username)
		}
		return "" // the policy refuses it
	}
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return permissions.Local(u.Username)
	}
	return permissions.Local(fmt.Sprintf("uid-%d", uid))
}

// inUserNamespace reports whether this process is in another user namespace of Linux than the machine's
// first. Its creator may be any user in it, so that a user's name says nothing there. What
// cannot be read counts as one.
func inUserNamespace() bool {
	ids, err := os.ReadFile("/proc/self/uid_map")
	if errors.Is(err, fs.ErrNotExist) {
		return false // another system, or a kernel without them
	}
	return err != nil || !isFirstNamespace(string(ids))
}

// isFirstNamespace reports whether a map of user ids is that of the first namespace: each id is itself.
func isFirstNamespace(ids string) bool {
	return strings.Join(strings.Fields(ids), " ") == "0 0 4294967295"
}
