package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/keys"
	"github.com/vpsbot/vpsbot/internal/redact"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

func keysCommand(c *cli) *cobra.Command {
	return parent("keys", "Make, list and revoke access keys", helpText("keys"), createKeyCommand(c), listKeysCommand(c), revokeKeyCommand(c))
}

func createKeyCommand(c *cli) *cobra.Command {
	var expires, out string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make an access key, and print it this once",
		Long: helpText("keys-create"),
		Args: oneArg("a name for the key"), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: c.runOnStore(func(ctx context.Context, s *session, args []string) error { // the first key is made by somebody without an identity
			return s.createKey(ctx, args[0], expires, out)
		}),
	}
	cmd.Flags().StringVar(&out, "out", "", "a new `FILE` for you alone to write the key into, instead of printing it")
	cmd.Flags().StringVar(&expires, "expires", "", "until what `TIME` it is valid: 90d, 12h, 2027-01-31, 2027-01-31T14:00:00Z (default: until it is revoked)")
	return c.withOutput(cmd, false)
}

func (s *session) createKey(ctx context.Context, name, expires, out string) error {
	if err := keys.CheckName(name); err != nil {
		return app.Invalid(err)
	}
	if redact.Text(name, s.Config.Secrets()...) != name {
		return app.Invalid(keys.ErrSecretName)
	}
	until, err := readExpiry(expires, s.Now())
	if err != nil {
		return app.Errorf(runner.Invalid, "--expires %v", err)
	}
	if s.output.format == "name" && out == "" {
		return app.Errorf(runner.Invalid, "-o name would not show the key, and it is shown this once: give --out FILE too")
	}
	secret, hash, err := keys.New(s.Random)
	if err != nil {
		return err
	}
	add, row := s.db.Add, s.auditRow("keys.create", name)
	all, err := s.db.Keys(ctx)
	if err != nil {
		return err
	}
	if len(all) == 0 && out != "" && !s.io.atTerminal() { // so that an installation without a terminal can begin
		add, row.Reason = s.db.AddFirst, "the first key of this database, made where no person is at a terminal"
	} else if err := s.mayAct(ctx, permissions.CreateKey, name); err != nil {
		return err
	}
	if out != "" {
		if err := writeKey(out, secret); err != nil {
			return err
		}
	}
	key := keys.Key{Name: name, Hash: hash, CreatedAt: s.Now(), ExpiresAt: until}
	if err := add(ctx, key, row); err != nil {
		if out != "" {
			err = errors.Join(err, os.Remove(out))
		}
		if errors.Is(err, keys.ErrTaken) {
			return app.Invalid(err)
		}
		return err
	}
	return s.printKey(secret, key, out)
}

func (s *session) printKey(secret string, key keys.Key, out string) (err error) {
	listed := fmt.Sprintf("In a policy: people: [{id: WHO, keys: [%s]}]", key.Name)
	made := result{value: keyMade{keyOf(key, s.Now()), "", out}, names: []string{key.Name}}
	if out != "" {
		made.text = fmt.Sprintf("The access key %s is in %s: hand the file over, or set VPSBOT_KEY_FILE to it.\n%s", key.Name, out, listed)
	} else {
		s.io.say("The access key %s is shown this once. Put it into a file for you alone and set VPSBOT_KEY_FILE to it. %s", key.Name, listed)
		made.value, made.text = keyMade{keyOf(key, s.Now()), secret, ""}, secret
	}
	err = s.print(made)
	if !key.ExpiresAt.IsZero() {
		s.io.say("It is valid until %s.", key.ExpiresAt.UTC().Format(time.RFC3339))
	}
	return err
}

// readExpiry reads a future time, or a duration from now. "" is the zero time.
func readExpiry(value string, now time.Time) (time.Time, error) {
	at, err := time.Time{}, error(nil)
	if in, ok := audit.ParseDuration(value); ok {
		at = now.Add(in)
	} else if at, err = audit.ParseTime(value, now); err != nil {
		return at, errors.New("is no time: write 90d, 12h, 2027-01-31 or 2027-01-31T14:00:00Z")
	}
	if value != "" && !at.After(now) {
		return at, errors.New("is not in the future: write such as 90d")
	}
	return at, nil
}

func revokeKeyCommand(c *cli) *cobra.Command {
	return c.withOutput(&cobra.Command{
		Use: "revoke NAME", Short: "End an access key at once",
		Long: "From now on the key is refused. An assistant that serves with it ends within seconds.",
		Args: oneArg("the name of a key"), ValidArgsFunction: c.completeKeys,
		RunE: c.runOnStore(func(ctx context.Context, s *session, args []string) error {
			name := args[0]
			revoked := result{value: map[string]string{"name": name, "state": keyStates[keys.ErrRevoked]}, names: args}
			switch err := s.db.Revoke(ctx, name, s.Now(), s.auditRow("keys.revoke", name)); {
			case errors.Is(err, keys.ErrNotFound):
				return app.Invalid(err)
			case errors.Is(err, keys.ErrRevoked):
				s.io.say("It was revoked before; nothing has changed.")
			case err != nil:
				return err
			default:
				revoked.text = fmt.Sprintf("The access key %s is revoked.", name)
			}
			return s.print(revoked)
		}),
	}, false)
}

// keyMade is a new access key: the key itself, this once, or the file that has it.
type keyMade struct {
	keyJSON
	Key  string `json:"key,omitempty"`
	File string `json:"file,omitempty"`
}

// keyJSON is an access key as --json shows it: nothing that could be used as one.
type keyJSON struct {
	Name        string    `json:"name"`
	State       string    `json:"state"`       // valid, expired or revoked
	Fingerprint string    `json:"fingerprint"` // the first 8 digits of its SHA-256
	CreatedAt   time.Time `json:"created_at"`
	ExpiresAt   time.Time `json:"expires_at,omitzero"`
	RevokedAt   time.Time `json:"revoked_at,omitzero"`
}

func keyOf(k keys.Key, now time.Time) keyJSON {
	return keyJSON{k.Name, keyStates[k.Ended(now)], k.Hash[:min(8, len(k.Hash))], k.CreatedAt.UTC(), k.ExpiresAt.UTC(), k.RevokedAt.UTC()}
}

func listKeysCommand(c *cli) *cobra.Command {
	return c.withOutput(&cobra.Command{
		Use: "list", Short: "List the access keys, with those that are no longer valid", Args: noArgs,
		RunE: c.runOnStore(func(ctx context.Context, s *session, _ []string) error {
			all, err := s.db.Keys(ctx)
			if err != nil {
				return err
			}
			list := text.Map(all, func(k keys.Key) keyJSON { return keyOf(k, s.Now()) })
			table := keyTable(list)
			return s.print(result{value: list, table: &table, names: table.Column("name")})
		}),
	}, true)
}

func keyTable(list []keyJSON) runner.Table {
	t := runner.Table{Header: []string{"name", "state", "fingerprint", "created", "expires", "revoked"}}
	for _, k := range list {
		row := []string{k.Name, k.State, k.Fingerprint, "", "", ""}
		for i, at := range []time.Time{k.CreatedAt, k.ExpiresAt, k.RevokedAt} {
			if !at.IsZero() {
				row[3+i] = at.Format(time.RFC3339)
			}
		}
		t.Rows = append(t.Rows, row)
	}
	t.Note = text.Plural(len(list), "access key") + "."
	if len(list) == 0 {
		t.Note = "No access keys; vpsbot keys create NAME makes one."
	}
	return t
}

var keyStates = map[error]string{nil: "valid", keys.ErrRevoked: "revoked", keys.ErrExpired: "expired"}
