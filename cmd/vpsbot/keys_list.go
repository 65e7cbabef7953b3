package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/keys"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/text"
)

// keyJSON is an access key as --json shows it: nothing that could be used as one.
type keyJSON struct {
	Name        string    `json:"name"`
	State       string    `json:"state"`       // valid, expired or revoked
	Fingerprint string    `json:"fingerprint"` // the first 8 digits of its SHA-256
	CreatedAt   time.Time `json:"created_at"`
	ExpiresAt   time.Time `json:"expires_at,omitzero"`
	RevokedAt   time.Time `json:"revoked_at,omitzero"`
}

func (a *app) listKeysCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the access keys, those that no longer count too", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withKeys(cmd.Context(), func(ctx context.Context, _ *parts, db *store.Store) error {
				all, err := db.Keys(ctx)
				if err != nil {
					return err
				}
				return a.showKeys(all, asJSON)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func (a *app) showKeys(all []keys.Key, asJSON bool) error {
	list := make([]keyJSON, 0, len(all))
	t := runner.Table{Header: []string{"name", "state", "fingerprint", "created", "expires", "revoked"}}
	for _, k := range all {
		state := keyState(k, a.now())
		list = append(list, keyJSON{k.Name, state, fingerprint(k), k.CreatedAt.UTC(), k.ExpiresAt.UTC(), k.RevokedAt.UTC()})
		t.Rows = append(t.Rows, []string{k.Name, state, fingerprint(k), stamp(k.CreatedAt), stamp(k.ExpiresAt), stamp(k.RevokedAt)})
	}
	if asJSON {
		return a.io.writeJSON(list)
	}
	t.Note = text.Plural(len(all), "access key") + "."
	if len(all) == 0 {
		t.Note = "No access keys; vpsbot keys create NAME makes one."
	}
	_, err := fmt.Fprintln(a.io.Out, t.Styled(a.io.style(a.env).cell))
	return err
}

// keyState says whether a key counts now.
func keyState(k keys.Key, now time.Time) string {
	switch {
	case !k.RevokedAt.IsZero():
		return "revoked"
	case !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt):
		return "expired"
	}
	return "valid"
}

// fingerprint tells keys apart, and is far too short to find one by.
func fingerprint(k keys.Key) string {
	const shown = 8
	return k.Hash[:min(shown, len(k.Hash))]
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
