package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sethvargo/go-envconfig"
	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/install"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
)

type installFlags struct {
	name, operations        string
	project, look, readOnly bool
	limited                 bool // --operations was given
}

func installCommand(c *cli) *cobra.Command {
	var flags installFlags
	cmd := clientCommand(&cobra.Command{Use: "install CLIENT", Short: "Let an assistant use vpsbot", Long: helpText("install")}, c, &flags, installation.install)
	f := cmd.Flags()
	f.BoolVar(&flags.readOnly, "read-only", false, "only operations that change nothing")
	f.StringVar(&flags.operations, "operations", "", "only the operations that `GLOBS` match, such as servers.*,backups.list")
	return cmd
}

func uninstallCommand(c *cli) *cobra.Command {
	var flags installFlags
	cmd := &cobra.Command{Use: "uninstall CLIENT", Short: "Take vpsbot out of an assistant's file", Long: helpText("uninstall")}
	return clientCommand(cmd, c, &flags, installation.uninstall)
}

// clientCommand adds to a command what changes a client's file.
func clientCommand(cmd *cobra.Command, c *cli, flags *installFlags, do func(installation, context.Context) error) *cobra.Command {
	cmd.Args = oneArg("the name of a client, " + text.Join(install.Names(), "or") + ",")
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
		for _, client := range install.Clients() {
			if len(args) == 0 {
				names = append(names, cobra.CompletionWithDesc(client.Name, client.Title))
			}
		}
		return names, noFiles
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		flags.limited = cmd.Flags().Changed("operations")
		in, err := openClient(c, args[0], *flags)
		if err != nil {
			return err
		}
		return do(in, cmd.Context())
	}
	f := cmd.Flags()
	f.StringVar(&flags.name, "name", "vpsbot", "the `NAME` of the entry")
	f.BoolVar(&flags.project, "project", false, "in the file of the project in this folder, not in your own")
	f.BoolVar(&flags.look, "print", false, "print what would be changed, and change nothing")
	return c.withOutput(cmd, false)
}

// installation is a client's file and what is wanted of it.
type installation struct {
	*cli
	install.Client
	installFlags
	file   install.File
	claude string // path of Claude Code's own program, which changes its file; empty: we do
}

func openClient(c *cli, name string, flags installFlags) (in installation, err error) {
	in = installation{cli: c, installFlags: flags}
	known := false
	if in.Client, known = install.Named(name); !known {
		next := "it is one of " + text.Join(install.Names(), "or")
		if near := text.Suggest(name, install.Names()); near != "" {
			next = "did you mean " + near + "?"
		}
		return in, app.Errorf(runner.Invalid, "vpsbot knows no client %q; %s", name, next)
	}
	if err := install.CheckName(flags.name); err != nil {
		return in, app.Errorf(runner.Invalid, "--name %v", err)
	}
	path, err := in.path()
	if err != nil {
		return in, err
	}
	if in.Name == "claude-code" && !flags.project {
		in.claude, _ = exec.LookPath("claude")
		if ext := filepath.Ext(in.claude); ext == ".cmd" || ext == ".bat" {
			in.claude = "" // a script of Windows parses its arguments anew
		}
	}
	in.file, err = install.Open(in.Existing(path))
	return in, err
}

func (in installation) path() (string, error) {
	if in.project {
		folder, err := os.Getwd()
		if path := in.ProjectFile(folder); err == nil && path != "" {
			return path, nil
		}
		return "", cmp.Or(err, app.Errorf(runner.Invalid, "%s has no file for a project: leave --project out", in.Title))
	}
	home := in.variable(map[bool]string{true: "USERPROFILE", false: "HOME"}[in.GOOS == "windows"])
	if !filepath.IsAbs(home) {
		return "", app.Errorf(runner.Invalid, "the environment names no home folder by its whole path: set HOME")
	}
	return in.UserFile(install.System{GOOS: in.GOOS, Home: filepath.ToSlash(home), Lookup: in.variable}), nil
}

func (in installation) variable(name string) string {
	value, _ := in.Variables.Lookup(name)
	return strings.TrimSpace(value)
}

func (in installation) install(ctx context.Context) error {
	server, err := in.server(ctx)
	if err != nil {
		return err
	}
	change, err := in.Install(in.file, in.name, server)
	if err != nil {
		return err
	}
	return in.finish(change, func() error {
		cfg, err := in.Config(ctx)
		if err == nil {
			_, err = cfg.Token()()
		}
		if errors.Is(err, config.ErrNoToken) { // it shows only when the client asks for something
			in.io.say("%s: %v", in.Title, err)
		}
		if in.claude == "" {
			return change.Apply()
		}
		return in.byClaude(ctx, change, server)
	})
}

func (in installation) uninstall(ctx context.Context) error {
	change, err := in.Uninstall(in.file, in.name)
	if err != nil {
		return err
	}
	return in.finish(change, func() error {
		if in.claude == "" {
			return change.Apply()
		}
		return in.byClaude(ctx, change, install.Server{})
	})
}

// finish makes a change, but for one that is only to be printed, and prints it.
func (in installation) finish(change install.Change, apply func() error) error {
	if !in.look && change.Action != install.Unchanged {
		if err := apply(); err != nil {
			return err
		}
	}
	out := changeJSON{Client: in.Name, Name: in.name, File: in.file.Path, Action: string(change.Action), Print: in.look, Entry: change.Entry}
	if _, err := os.Stat(in.file.CopyPath()); err == nil && !in.look {
		out.Copy = in.file.CopyPath()
	}
	return in.print(result{value: out, text: in.told(change, out.Copy), names: []string{in.file.Path}})
}

// byClaude lets Claude Code make the change, which keeps it from what it may write at the same time.
func (in installation) byClaude(ctx context.Context, change install.Change, server install.Server) error {
	if err := in.file.KeepCopy(); err != nil {
		return err
	}
	if change.Action != install.Installed { // it writes over none
		isGone := func(file install.File) bool {
			left, err := in.Uninstall(file, in.name)
			return err == nil && left.Action == install.Unchanged
		}
		if err := in.runClaude(ctx, isGone, "remove", "--scope", "user", in.name); err != nil || change.Action == install.Removed {
			return err
		}
	}
	isThere := func(file install.File) bool { return in.Holds(file, in.name, server) }
	return in.runClaude(ctx, isThere, "add-json", "--scope", "user", in.name, in.JSON(server))
}

// runClaude runs claude mcp, and fails where the file does not show that it is done.
func (in installation) runClaude(ctx context.Context, isDone func(install.File) bool, args ...string) error {
	cmd := exec.CommandContext(ctx, in.claude, append([]string{"mcp"}, args...)...) //nolint:gosec // of the PATH, as a person would start it
	cmd.Env = slices.DeleteFunc(os.Environ(), isOurs)
	if out, err := cmd.CombinedOutput(); err != nil {
		return app.Errorf(runner.Failed, "claude mcp %s failed (%v): %s", args[0], err, text.Cut(strings.TrimSpace(string(out)), 300))
	}
	file, err := install.Open(in.file.Path)
	if err == nil && !isDone(file) {
		err = app.Errorf(runner.Failed, "claude mcp %s has not changed %q in %s: see claude mcp list", args[0], in.name, in.file.Path)
	}
	return err
}

type changeJSON struct {
	Client string `json:"client"`
	Name   string `json:"name"`
	File   string `json:"file"`
	Action string `json:"action"` // installed, updated, removed or unchanged
	Print  bool   `json:"print,omitempty"`
	Copy   string `json:"copy,omitempty"`
	Entry  string `json:"entry,omitempty"`
}

// told says what became of the file, and what comes next.
func (in installation) told(change install.Change, copied string) string {
	if change.Action == install.Unchanged {
		state := map[bool]string{true: "already", false: "not"}[change.Entry != ""]
		return fmt.Sprintf("%s is %s installed in %s (%s); nothing changed.", in.name, state, in.Title, in.file.Path)
	}
	if in.look {
		return in.difference(change)
	}
	isRemoved := change.Action == install.Removed
	lines := fmt.Sprintf("%s is %s in %s: %s", in.name, change.Action, in.Title, in.file.Path)
	if isRemoved {
		lines = fmt.Sprintf("%s is taken out of %s: %s", in.name, in.Title, in.file.Path)
	}
	if copied != "" {
		lines += "\nWhat was there: " + copied
	}
	if in.project && !isRemoved {
		lines += "\nIt names files of this machine: think of that before you commit it."
	}
	if lines += "\nNext: " + in.Next; !isRemoved {
		lines += "\nTo see that it works: " + in.Check
	}
	return lines
}

// difference is what --print shows. Nothing else of the file is shown: other servers may have secrets there.
func (in installation) difference(change install.Change) string {
	lines := []string{fmt.Sprintf("%s, line %d, in %s; nothing is written:", in.file.Path, change.Line, in.Table)}
	if in.claude != "" {
		lines[0] = fmt.Sprintf("%s, in %s, by %s mcp; nothing is written:", in.file.Path, in.Table, in.claude)
	}
	for line := range strings.Lines(change.Before) {
		lines = append(lines, "- "+strings.TrimRight(line, "\n"))
	}
	for line := range strings.Lines(change.Entry) {
		lines = append(lines, "+ "+strings.TrimRight(line, "\n"))
	}
	return strings.Join(lines, "\n")
}

// The variables that a client starts vpsbot with, if they are set: a client's own environment is often another one.
var (
	carriedFiles = []string{"VPS_API_TOKEN_FILE", "VPSBOT_KEY_FILE", "VPSBOT_POLICY_FILE", "VPSBOT_AUDIT_KEY_FILE", "VPSBOT_DATABASE_URL_FILE"}
	carried      = []string{
		"VPS_API_URL", "VPSBOT_READ_ONLY", "VPSBOT_OPERATIONS", "VPSBOT_DATABASE_URL", "VPSBOT_AUDIT_READS", "VPSBOT_AUDIT_STATE",
		"VPSBOT_PROFILE", "VPSBOT_KEYRING", "VPSBOT_LOG_LEVEL", "VPSBOT_LOG_FORMAT", "XDG_STATE_HOME", "XDG_CONFIG_HOME",
		"HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
	}
)

// server is how the client shall start vpsbot.
func (in installation) server(ctx context.Context) (s install.Server, err error) {
	cfg, err := in.Config(ctx)
	if err != nil {
		return s, err
	}
	if s.Env, err = in.carriedVariables(); err != nil {
		return s, err
	}
	if profile := cfg.Profile().Name; profile != "" {
		s.Env["VPSBOT_PROFILE"] = profile
	}
	if in.readOnly {
		s.Env["VPSBOT_READ_ONLY"] = "true"
	}
	if in.limited {
		s.Env["VPSBOT_OPERATIONS"] = in.operations
	}
	if _, err = config.Read(ctx, envconfig.MapLookuper(s.Env), in.GOOS); err != nil {
		return s, app.Invalid(err)
	}
	if s.Args = []string{"mcp"}; in.Profile != "" {
		s.Args = append(s.Args, "--profile", in.Profile)
		delete(s.Env, "VPSBOT_PROFILE") // it says the same
	}
	s.Command, err = executable()
	return s, err
}

func (in installation) carriedVariables() (map[string]string, error) {
	env := map[string]string{}
	for _, secret := range []string{"VPS_API_TOKEN", "VPSBOT_KEY"} {
		next := map[string]string{"VPS_API_TOKEN": "by vpsbot login, or "}[secret] + "in a file for you alone that " + secret + "_FILE names"
		if in.variable(secret) != "" {
			return nil, app.Errorf(runner.Invalid, "%s is set, and a secret is never written into a client's file: unset %[1]s, and keep it %s", secret, next)
		}
	}
	for _, name := range carriedFiles {
		value := in.variable(name)
		if value == "" {
			continue
		}
		path, err := filepath.Abs(value)
		info, err2 := os.Stat(path)
		if errors.Join(err, err2) != nil || !info.Mode().IsRegular() { // without the value, which may be the secret itself
			return nil, app.Errorf(runner.Invalid, "%s names no file that can be read: set it to the path of one", name)
		}
		env[name] = path
	}
	for _, name := range carried {
		value := in.variable(name)
		if value == "" {
			continue
		}
		path, isFile := strings.CutPrefix(value, "sqlite:")
		if isFile && path != "" && path[0] != ':' || name == "VPSBOT_AUDIT_STATE" { // the client starts in another folder
			whole, _ := filepath.Abs(path) // it fails where this folder is gone
			value = strings.TrimSuffix(value, path) + cmp.Or(whole, path)
		}
		env[name] = value
	}
	for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
		if strings.Contains(env[name], "@") {
			return nil, app.Errorf(runner.Invalid, "%s has a user in it, and a password is never written into a client's file: unset it here, and set it where the client starts", name)
		}
	}
	u, err := url.Parse(env["VPSBOT_DATABASE_URL"])
	if _, has := cmp.Or(u, &url.URL{}).User.Password(); err != nil || has || strings.Contains(fmt.Sprint(u.Query()), "password") {
		return nil, app.Errorf(runner.Invalid, "VPSBOT_DATABASE_URL has a password, which is never written into a client's file: put it into ~/.pgpass, and leave it out of the URL")
	}
	return env, nil
}

// executable is the path by which a client starts this program: that of the PATH, which stays over upgrades, if it leads here.
func executable() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	if inPath, err := exec.LookPath("vpsbot"); err == nil && filepath.IsAbs(inPath) {
		there, err := os.Stat(inPath)
		if here, err2 := os.Stat(self); err == nil && err2 == nil && os.SameFile(there, here) {
			return inPath, nil
		}
	}
	slashed := filepath.ToSlash(self)
	if strings.Contains(slashed, "/go-build") || strings.Contains(slashed, "/_npx/") {
		return "", app.Errorf(runner.Invalid, "this program goes away again, as go run and npx make it: install vpsbot first, such as by go install ./cmd/vpsbot")
	}
	return self, nil
}
