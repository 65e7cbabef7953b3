package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/redact"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
)

func profileCommand(c *cli) *cobra.Command {
	return parent("profile", "List, show and choose profiles: several accounts", helpText("profile"),
		listProfilesCommand(c), showProfileCommand(c), useProfileCommand(c))
}

// takeProfile takes --profile NAME out of the arguments of the program, wherever it stands before --: commands and
// operations are parsed by two parsers, and neither needs to know it. A word that a shell completes is left.
func takeProfile(args []string) (rest []string, name string, err error) {
	end := len(args)
	if isCompletion(args) {
		end--
	}
	for i := 0; i < len(args); i++ {
		value, isJoined := strings.CutPrefix(args[i], "--profile=")
		switch {
		case args[i] == "--" || i >= end:
			return append(rest, args[i:]...), name, nil
		case args[i] != "--profile" && !isJoined:
			rest = append(rest, args[i])
			continue
		case !isJoined && isCompletion(args) && i+1 >= end:
			return append(rest, args[i:]...), name, nil
		case !isJoined:
			if i++; i < end {
				value = args[i]
			}
		}
		if value == "" || value[0] == '-' {
			return rest, name, app.Errorf(runner.Invalid, "--profile needs the NAME of a profile; vpsbot profile list has them")
		}
		if name != "" && name != value {
			return rest, name, app.Errorf(runner.Invalid, "--profile is given twice, as %s and as %s; leave one out", text.Clean(name), text.Clean(value))
		}
		name = value
	}
	return rest, name, nil
}

// addProfileFlag shows --profile in help and completion; takeProfile reads it.
func addProfileFlag(c *cli, root *cobra.Command) {
	root.PersistentFlags().String("profile", "", "work for the account of the profile `NAME`")
	_ = root.RegisterFlagCompletionFunc("profile", c.completeProfiles) // the flag exists
}

func (c *cli) completeProfiles(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, noFiles
	}
	return c.Dir().Names(), noFiles
}

// profileFlag is what a command for this profile has at its end.
func profileFlag(name string) string {
	if name == "" {
		return ""
	}
	return " --profile " + name
}

func oneProfile(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return app.Errorf(runner.Invalid, "%s takes the name of a profile and nothing else; %[1]s --help shows how", cmd.CommandPath())
	}
	return nil
}

// profileJSON is a profile as -o json shows it: without the value of a secret.
type profileJSON struct {
	Name      string            `json:"name"`
	InUse     bool              `json:"in_use"` // by profile use
	API       string            `json:"api"`
	Database  string            `json:"database"`
	TokenFrom string            `json:"token_from,omitempty"`
	File      string            `json:"file"`
	Variables map[string]string `json:"variables"`
	Problem   string            `json:"problem,omitempty"`
}

// looksSecret reports whether a value may be a token or a key in the wrong place.
func looksSecret(value string) bool {
	return regexp.MustCompile(`(vps|vpsbot)_\w{8}|xox[a-z]-|xapp-`).MatchString(value)
}

// profileOf reads a profile as it counts in this environment. The keyring is asked for its token only where that is wanted.
func (c *cli) profileOf(ctx context.Context, name string, wantToken bool) profileJSON {
	used, _ := c.Dir().Used()
	shown := profileJSON{Name: name, InUse: name == used, File: c.Dir().Path(name), Variables: map[string]string{}}
	p, err := c.Dir().Load(name)
	var cfg config.Config
	if err == nil {
		c.Enter(p, "")
		cfg, err = c.Config(ctx)
	}
	if err != nil {
		shown.Problem = c.Redact(err.Error())
		return shown
	}
	shown.API = cfg.URL
	shown.Database, _ = cfg.DatabasePlace()
	for name, value := range p.Variables {
		if config.IsSecret(name) || looksSecret(value) {
			value = redact.Mark
		}
		shown.Variables[name] = c.Redact(value)
	}
	if wantToken {
		shown.TokenFrom = cfg.TokenSource()
	}
	return shown
}

func listProfilesCommand(c *cli) *cobra.Command {
	return c.withOutput(&cobra.Command{
		Use: "list", Short: "List the profiles", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			names := c.Dir().Names()
			list := make([]profileJSON, 0, len(names))
			table := runner.Table{Header: []string{"name", "in_use", "api", "database"}, Note: text.Plural(len(names), "profile") + "."}
			for _, name := range names {
				p := c.profileOf(cmd.Context(), name, false)
				list = append(list, p)
				table.Rows = append(table.Rows, []string{p.Name, yesOrNo(p.InUse), p.API, p.Database})
				if p.Problem != "" {
					table.Note += "\n! " + p.Problem
				}
			}
			if len(names) == 0 {
				table.Note = "No profiles; vpsbot login --profile NAME makes one."
			}
			return c.print(result{value: list, table: &table, names: names})
		},
	}, true)
}

func showProfileCommand(c *cli) *cobra.Command {
	return c.withOutput(&cobra.Command{
		Use: "show [NAME]", Short: "Show the variables of a profile, without secrets", DisableFlagsInUseLine: true,
		Long: "Shows the variables of a profile, where its token comes from and which database it has. Without NAME it is\nthe profile in force.",
		Args: oneProfile, ValidArgsFunction: c.completeProfiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.Config(cmd.Context())
			name := strings.Join(args, "")
			switch {
			case name == "" && err != nil:
				return err
			case name == "":
				name = cfg.Profile().Name
			}
			if name == "" {
				return app.Errorf(runner.Invalid, "no profile is in force; vpsbot profile list has them, vpsbot profile show NAME shows one")
			}
			if _, err := c.Dir().Load(name); err != nil {
				return app.Invalid(err)
			}
			p := c.profileOf(cmd.Context(), name, true)
			return c.print(result{value: p, text: p.text(), names: []string{name}})
		},
	}, false)
}

func (p profileJSON) text() string {
	lines := []string{
		"Profile:   " + p.Name,
		"File:      " + p.File,
		"In use:    " + yesOrNo(p.InUse),
		"API:       " + p.API,
		"Token:     " + cmp.Or(p.TokenFrom, "none; vpsbot login --profile "+p.Name+" keeps one"),
		"Database:  " + p.Database,
	}
	if p.Problem != "" {
		lines = append(lines[:3], "! "+p.Problem)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Variables)) {
		lines = append(lines, "  "+name+"="+p.Variables[name])
	}
	return strings.Join(lines, "\n")
}

func useProfileCommand(c *cli) *cobra.Command {
	var none bool
	cmd := &cobra.Command{
		Use: "use NAME|--none", Short: "Choose the profile that counts where none is named", DisableFlagsInUseLine: true,
		Long: "Chooses the profile for all commands that name neither a profile, a token nor an API. With --none there is\nno such profile any more.",
		Args: oneProfile, ValidArgsFunction: c.completeProfiles,
		RunE: func(_ *cobra.Command, args []string) error {
			name := strings.Join(args, "")
			if none == (name != "") {
				return app.Errorf(runner.Invalid, "write the NAME of a profile, or --none")
			}
			if err := c.Dir().Use(name); err != nil {
				return app.Invalid(err)
			}
			says := "No profile counts any more where none is named."
			if name != "" {
				says = fmt.Sprintf("The profile %s counts from now on, where neither --profile nor a variable names another, a token or an API.", name)
			}
			return c.print(result{value: map[string]string{"in_use": name}, text: says, names: []string{name}})
		},
	}
	cmd.Flags().BoolVar(&none, "none", false, "no profile")
	return c.withOutput(cmd, false)
}
