package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/profile"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

const maxToken = 16 << 10

func loginCommand(c *cli) *cobra.Command {
	var fromStdin bool
	cmd := &cobra.Command{
		Use: "login", Short: "Keep a token, in the keyring or in a file for you alone", Long: helpText("login"),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 { // without it: it may be the token
				return app.Errorf(runner.Invalid, "vpsbot login takes no argument: it asks for the token, or reads it from stdin")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return c.login(cmd.Context(), fromStdin) },
	}
	cmd.Flags().BoolVar(&fromStdin, "token-stdin", false, "read the token from stdin")
	return c.withOutput(cmd, false)
}

func logoutCommand(c *cli) *cobra.Command {
	return c.withOutput(&cobra.Command{
		Use: "logout", Short: "Remove the token that vpsbot login has kept", Long: helpText("logout"), Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.logout(cmd.Context()) },
	}, false)
}

// loggedIn is what login found out about a token.
type loggedIn struct {
	Profile     string    `json:"profile,omitempty"`
	API         string    `json:"api"`
	Account     string    `json:"account"`
	Token       string    `json:"token"` // its name
	Permissions []string  `json:"permissions"`
	ExpiresAt   time.Time `json:"expires_at,omitzero"`
	KeptIn      string    `json:"kept_in"`
	Warnings    []string  `json:"warnings,omitempty"`
}

func (c *cli) login(ctx context.Context, fromStdin bool) error {
	chosen, isNew, err := profileToFill(c)
	if err != nil {
		return app.Invalid(err)
	}
	token, err := c.enterToken(ctx, fromStdin)
	if err != nil {
		return err
	}
	c.Enter(chosen, token)
	if err := config.CheckToken(token); err != nil {
		return app.Errorf(runner.Invalid, "%v; nothing was kept", err)
	}
	return c.withApp(ctx, anyone, func(s *session) error {
		done, err := s.checkToken(ctx)
		if err != nil {
			return err
		}
		var failed error
		if done.KeptIn, failed, err = profile.Keep(s.Config, c.Keyring(), token); err != nil {
			return fmt.Errorf("the token is valid, but cannot be kept: %w", err)
		}
		if failed != nil {
			done.Warnings = append(done.Warnings, fmt.Sprintf("The system's keyring could not be used: %v. A token that it has counts first once it can: unlock it, and log in again.", failed))
		}
		if isNew {
			if err := c.Dir().Create(chosen.Name, chosen.Variables); err != nil {
				return err
			}
		}
		done.Warnings = append(done.Warnings, otherTokens(s.Config, done.KeptIn)...)
		return c.print(result{value: done, text: done.text(), names: []string{cmp.Or(done.Profile, done.Account)}})
	})
}

// profileToFill is the profile whose token is entered; the zero Profile is none. It may be a new one, with the API of the
// environment.
func profileToFill(c *cli) (chosen config.Profile, isNew bool, err error) {
	chosen, err = profile.Choose(c.Variables, c.Dir(), c.Profile)
	unknown, isNew := errors.AsType[*profile.Unknown](err)
	if !isNew {
		return chosen, false, err
	}
	if api, _ := c.Variables.Lookup("VPS_API_URL"); strings.TrimSpace(api) != "" {
		unknown.Profile.Variables = map[string]string{"VPS_API_URL": strings.TrimSpace(api)}
	}
	return unknown.Profile, true, nil
}

// enterToken asks a person for the token, or reads it from stdin where there is none.
func (c *cli) enterToken(ctx context.Context, fromStdin bool) (string, error) {
	if c.io.atTerminal() {
		c.io.say("Make a token at %s, with no more permissions than the work needs.", permissions.TokensPage)
		token, err := c.io.askHidden(ctx, "Paste it here; it is not shown: ")
		if err != nil {
			return "", app.Errorf(runner.Waiting, "no token was entered; nothing was kept")
		}
		return token, nil
	}
	if in, ok := c.io.In.(*os.File); ok && !fromStdin && term.IsTerminal(int(in.Fd())) {
		return "", app.Errorf(runner.Invalid, "the token is asked for where stdin and stderr are your terminal; else: vpsbot login --token-stdin < FILE")
	}
	raw, err := io.ReadAll(io.LimitReader(c.io.In, maxToken))
	return config.Trim(string(raw)), err
}

// askHidden asks for a secret at the terminal, which shows nothing of it.
func (s IO) askHidden(ctx context.Context, question string) (token string, err error) {
	restore, err := s.terminal.muteInput() // before the question, which may be answered at once
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, restore()) }()
	if _, err := io.WriteString(s.Err, question); err != nil {
		return "", err
	}
	defer func() { _, _ = io.WriteString(s.Err, "\n") }()
	token, err = readTyped(ctx, func() (string, error) {
		typed, err := term.ReadPassword(int(s.terminal.in.Fd()))
		return string(typed), err
	})
	return config.Trim(token), err
}

// checkToken asks VPS.org about the token that was entered.
func (s *session) checkToken(ctx context.Context) (loggedIn, error) {
	me, err := s.Runner.Client.Account.Me(ctx)
	if err != nil {
		class := runner.Failed
		if api, ok := errors.AsType[*apiclient.Error](err); ok && api.Kind == apiclient.KindUnauthorized {
			class = runner.Refuse
		}
		return loggedIn{}, app.Errorf(class, "the token could not be checked, so nothing was kept: %s", runner.Explain(err))
	}
	facts := tools.TokenOf(me)
	if facts.Expired(s.Now()) {
		return loggedIn{}, app.Errorf(runner.Refuse, "the token %q has expired, so nothing was kept; make a new one at %s", facts.Name, permissions.TokensPage)
	}
	scope, err := s.Runner.Scope(ctx)
	if err != nil {
		return loggedIn{}, fmt.Errorf("nothing was kept: %w", err)
	}
	done := loggedIn{
		Profile: s.Config.Profile().Name, API: s.Config.URL, Account: scope.Account, Token: facts.Name,
		Permissions: text.Strings(facts.Grants), ExpiresAt: facts.ExpiresAt,
	}
	if notice := facts.ExpiryNotice(s.Now()); notice != "" {
		done.Warnings = append(done.Warnings, notice)
	}
	if more := s.tooMuch(facts.Grants); more != "" {
		done.Warnings = append(done.Warnings, more)
	}
	return done, nil
}

// tooMuch warns of grants that no operation of this installation needs; "" if there is none.
func (s *session) tooMuch(held permissions.Grants) string {
	var needed, enough permissions.Needs
	for _, op := range s.Runner.Catalogue.Operations() {
		ask := permissions.Ask{Actor: app.LocalActor(), Surface: permissions.Terminal, Operation: op.Name, Risk: op.Risk}
		ways := op.Needs.Grantable()
		if len(ways) == 0 || !s.Config.Policy.Decide(ask).Allowed {
			continue
		}
		if needed = append(needed, ways...); !slices.Contains(enough, ways[0]) {
			enough = append(enough, ways[0])
		}
	}
	more := slices.DeleteFunc(slices.Clone(held), func(p permissions.Permission) bool { return slices.Contains(needed, p) })
	if len(more) == 0 {
		return ""
	}
	slices.Sort(enough)
	return fmt.Sprintf("The token may do more than vpsbot needs: %s. All that vpsbot can do here takes %s; "+
		"what a token may not do, nobody can do with it.", strings.Join(text.Strings(more), ", "), strings.Join(text.Strings(enough), ", "))
}

// otherTokens warns of tokens that count before or after the one that was kept.
func otherTokens(cfg config.Config, keptIn string) (warnings []string) {
	if by := cfg.GivenToken(); by != "" {
		warnings = append(warnings, by+" gives a token, and counts before the one that was kept.")
	}
	if _, err := os.Stat(cfg.TokenFile()); err == nil && !strings.Contains(keptIn, cfg.TokenFile()) {
		warnings = append(warnings, fmt.Sprintf("The file %s has a token too, which counts where the keyring cannot be read.", cfg.TokenFile()))
	}
	return warnings
}

func (l loggedIn) text() string {
	until := "never expires"
	if !l.ExpiresAt.IsZero() {
		until = "expires on " + l.ExpiresAt.Format(time.DateOnly)
	}
	lines := []string{
		fmt.Sprintf("Logged in to %s at %s.", runner.InProfile(l.Account, l.Profile), l.API),
		fmt.Sprintf("The token “%s” %s, and may: %s.", l.Token, until, cmp.Or(strings.Join(l.Permissions, ", "), "nothing")),
		fmt.Sprintf("It is kept in %s; vpsbot logout%s removes it.", l.KeptIn, profileFlag(l.Profile)),
	}
	for _, w := range l.Warnings {
		lines = append(lines, "! "+w)
	}
	return strings.Join(lines, "\n")
}

// loggedOut is what logout has done.
type loggedOut struct {
	Profile     string   `json:"profile,omitempty"`
	RemovedFrom []string `json:"removed_from"`
	StillFrom   string   `json:"still_from,omitempty"` // where a token comes from now
}

func (c *cli) logout(ctx context.Context) error {
	cfg, err := c.Config(ctx)
	if err != nil {
		return err
	}
	done := loggedOut{Profile: cfg.Profile().Name, RemovedFrom: []string{}}
	places, err := profile.Forget(cfg, c.Keyring())
	if err != nil {
		return fmt.Errorf("a kept token could not be removed: %w", err)
	}
	says := "No token was kept" + in(done.Profile) + "; nothing was removed."
	if len(places) > 0 {
		done.RemovedFrom = places
		says = fmt.Sprintf("The token%s is removed from %s. To end it altogether, delete it at %s", in(done.Profile), text.Join(places, "and"), permissions.TokensPage)
	}
	if !cfg.IsSimulator() {
		done.StillFrom = cfg.TokenSource()
	}
	if done.StillFrom != "" {
		says += "\n! A token still comes from " + done.StillFrom + "."
	}
	return c.print(result{value: done, text: says, names: places})
}

func in(profile string) string {
	if profile == "" {
		return ""
	}
	return " of the profile " + profile
}
