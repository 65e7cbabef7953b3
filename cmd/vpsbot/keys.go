package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/keys"
	"github.com/vpsbot/vpsbot/internal/redact"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/permissions"
)

const keysHelp = `An access key says who is at a terminal, or whose assistant calls: VPSBOT_KEY_FILE names a file that
holds it, VPSBOT_KEY holds it itself. A policy knows its bearer as key:NAME. It is shown once, and
stored as a hash. Whoever can open the database can make and revoke keys.`

const createKeyHelp = `Prints the key, and nothing else, on stdout, or writes it into the file of --out. It is not kept and
cannot be shown again. A name is never used twice: after a revocation take another one.

It takes a person at a terminal, or an access key that the policy gives keys.create. The first key of
a database can be made without either, once: vpsbot keys create NAME --out FILE`

func (a *app) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "keys", Short: "Make, list and revoke access keys", Long: keysHelp, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.createKeyCommand(), a.listKeysCommand(), a.revokeKeyCommand())
	return cmd
}

func (a *app) createKeyCommand() *cobra.Command {
	var expires, out string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make an access key, and print it this once",
		Long:    createKeyHelp,
		Example: "  vpsbot keys create lead-laptop --expires 90d --out ~/.config/vpsbot/key",
		Args:    oneArg("a name for the key"), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withKeys(cmd.Context(), func(ctx context.Context, p *parts, db *store.Store) error {
				return a.createKey(ctx, p, db, args[0], expires, out)
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "a new `FILE` for you alone to write the key into, instead of printing it")
	cmd.Flags().StringVar(&expires, "expires", "", "until when it counts: 90d, 12h, 2027-01-31, 2027-01-31T14:00:00Z (default: until it is revoked)")
	return cmd
}

func (a *app) createKey(ctx context.Context, p *parts, db keys.Store, name, expires, out string) error {
	if err := keys.CheckName(name); err != nil {
		return invalid(err)
	}
	if redact.Text(name, p.config.Secrets()...) != name {
		return invalid(keys.ErrSecretName)
	}
	until, err := readExpiry(expires, p.now())
	if err != nil {
		return fail(runner.Invalid, "--expires %v", err)
	}
	secret, hash, err := keys.New(a.random)
	if err != nil {
		return err
	}
	add, row := db.Add, a.rowAct(p, "keys.create", name)
	if first, err := a.isFirstKey(ctx, db, out); err != nil {
		return err
	} else if first {
		add, row.Reason = db.AddFirst, "the first key of this database, made where no person is at a terminal"
	} else if err := a.mayAct(ctx, p, permissions.CreateKey, name); err != nil {
		return err
	}
	if out != "" {
		if err := writeKey(out, secret); err != nil {
			return err
		}
	}
	key := keys.Key{Name: name, Hash: hash, CreatedAt: p.now(), ExpiresAt: until}
	if err := add(ctx, key, row); err != nil {
		if out != "" {
			err = errors.Join(err, os.Remove(out))
		}
		if errors.Is(err, keys.ErrTaken) {
			return invalid(err)
		}
		return err
	}
	return a.giveKey(secret, key, out)
}

// isFirstKey reports whether a key is made where no person is, for a database that never had one: so
// that an installation without a terminal can begin.
func (a *app) isFirstKey(ctx context.Context, db keys.Store, out string) (bool, error) {
	if out == "" || a.io.atTerminal() {
		return false, nil
	}
	all, err := db.Keys(ctx)
	return len(all) == 0, err
}

// giveKey prints a new key, or says where it is.
func (a *app) giveKey(secret string, key keys.Key, out string) (err error) {
	if out != "" {
		_, err = fmt.Fprintf(a.io.Out, "The access key %s is in %s. Set VPSBOT_KEY_FILE to that; a policy knows its bearer as %s.\n", key.Name, out, permissions.Key(key.Name))
	} else {
		a.io.say("The access key %s is shown this once. Put it into a file for you alone and set VPSBOT_KEY_FILE to it; a policy knows its bearer as %s.",
			key.Name, permissions.Key(key.Name))
		_, err = fmt.Fprintln(a.io.Out, secret)
	}
	if !key.ExpiresAt.IsZero() {
		a.io.say("It counts until %s.", key.ExpiresAt.UTC().Format(time.RFC3339))
	}
	return err
}

// readExpiry reads a time to come, or how long from now. Nothing is no time.
func readExpiry(text string, now time.Time) (time.Time, error) {
	at, err := time.Time{}, error(nil)
	if in, ok := readAgo(text); ok {
		at = now.Add(in)
	} else if at, err = readTime(text, now); err != nil {
		return at, errors.New("is no time: write 90d, 12h, 2027-01-31 or 2027-01-31T14:00:00Z")
	}
	if text != "" && !at.After(now) {
		return at, errors.New("is not in the future: write such as 90d")
	}
	return at, nil
}

func (a *app) revokeKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "revoke NAME", Short: "End an access key at once",
		Long: "From now on the key is refused. An assistant that serves with it ends within seconds.",
		Args: oneArg("the name of a key"), ValidArgsFunction: a.completeKeys,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withKeys(cmd.Context(), func(ctx context.Context, p *parts, db *store.Store) error {
				err := db.Revoke(ctx, args[0], p.now(), a.rowAct(p, "keys.revoke", args[0]))
				switch {
				case errors.Is(err, keys.ErrNotFound):
					return invalid(err)
				case errors.Is(err, keys.ErrRevoked):
					a.io.say("It was revoked before; nothing has changed.")
					return nil
				case err != nil:
					return err
				}
				_, err = fmt.Fprintf(a.io.Out, "The access key %s is revoked.\n", args[0])
				return err
			})
		},
	}
}

// withKeys opens the store for a command about keys. It needs no name: the first key is made
// by somebody who has none.
func (a *app) withKeys(ctx context.Context, do func(context.Context, *parts, *store.Store) error) error {
	p, err := a.assemble(ctx)
	if err != nil {
		return err
	}
	defer p.store.close() //nolint:errcheck // what was written is committed
	if err := p.named(ctx); err != nil {
		return err
	}
	db, err := p.store.get(ctx)
	if err != nil {
		return err
	}
	return do(ctx, p, db)
}

func (a *app) completeKeys(cmd *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
	defer cancel()
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	_ = a.withKeys(ctx, func(ctx context.Context, _ *parts, db *store.Store) error { // what goes wrong completes nothing
		all, err := db.Keys(ctx)
		for _, k := range all {
			if k.RevokedAt.IsZero() {
				names = append(names, k.Name)
			}
		}
		return err
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}
