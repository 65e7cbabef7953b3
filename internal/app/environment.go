// Package app makes a running whole from the environment: configuration, client, store, Runner and
// identity, and the two services that stay, for assistants (MCP) and for Slack.
package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/profile"
	"github.com/vpsbot/vpsbot/internal/redact"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/trace"
	"github.com/vpsbot/vpsbot/tools"
)

// Environment is all that comes from outside the process.
type Environment struct {
	Catalogue *tools.Catalogue // nil: that of the product
	Variables envconfig.Lookuper
	GOOS      string
	Clock     func() time.Time // of this machine
	Random    io.Reader
	Stderr    io.Writer // for messages and the log; secrets are redacted
	OneUser   bool      // the users of this machine cannot be told apart
	Profile   string    // of --profile; empty: it was not given

	entered string          // a token that a person has just entered
	pinned  *config.Profile // the profile that it is entered for; nil: that which is chosen
	choose  func() (config.Profile, error)
	keyring func() *profile.Keyring
}

// NewEnvironment returns the environment of this process. What is written to its Stderr is redacted on the
// way to stderr.
func NewEnvironment(variables envconfig.Lookuper, stderr io.Writer) *Environment {
	e := &Environment{
		Variables: variables, GOOS: runtime.GOOS, Clock: time.Now, Random: rand.Reader, OneUser: inUserNamespace(),
	}
	// Once: another choice while this process runs must not change what it redacts.
	e.choose = sync.OnceValues(func() (config.Profile, error) { return profile.Choose(e.Variables, e.Dir(), e.Profile) })
	e.keyring = sync.OnceValue(func() *profile.Keyring { return profile.NewKeyring(e.Variables, e.GOOS) })
	e.Stderr = redact.Writer(stderr, e.secrets)
	return e
}

// Config reads the configuration: the environment, and the profile that is chosen.
func (e *Environment) Config(ctx context.Context) (config.Config, error) {
	options, failed := config.Options{Entered: e.entered}, error(nil)
	if keyring := e.Keyring(); keyring != nil { // not a nil inside an interface
		options.Keyring = keyring
	}
	if e.pinned != nil {
		options.Profile = *e.pinned
	} else {
		options.Profile, failed = e.choose()
	}
	cfg, err := config.ReadWith(ctx, e.Variables, e.GOOS, options)
	if failed != nil {
		err = failed
	}
	return cfg, Invalid(err)
}

// Enter makes the environment that of a profile, which need not exist, with a token that a person has entered. The token has
// precedence over all others, and is redacted.
func (e *Environment) Enter(chosen config.Profile, token string) {
	e.pinned, e.entered = &chosen, token
}

// Keyring is the system's keyring, or nil.
func (e *Environment) Keyring() *profile.Keyring { return e.keyring() }

// Dir is the folder of profiles and tokens.
func (e *Environment) Dir() profile.Dir { return profile.Dir(config.Folder(e.Variables, e.GOOS)) }

func (e *Environment) secrets() []string {
	cfg, _ := e.Config(context.Background()) // an invalid configuration has secrets too
	return cfg.Secrets()
}

// Redact replaces the secrets in a text.
func (e *Environment) Redact(s string) string { return redact.Text(s, e.secrets()...) }

func (e *Environment) logger(cfg config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogJSON {
		return slog.New(trace.LogHandler(slog.NewJSONHandler(e.Stderr, options)))
	}
	return slog.New(trace.LogHandler(slog.NewTextHandler(e.Stderr, options)))
}

// Error ends a command. Its class is the exit code.
type Error struct {
	Class   runner.Class
	Message string
}

func (e *Error) Error() string { return e.Message }

// Errorf returns an error that ends the command with the exit code of class.
func Errorf(class runner.Class, format string, args ...any) error {
	return &Error{class, fmt.Sprintf(format, args...)}
}

// Invalid makes an error one of bad input; nil stays nil.
func Invalid(err error) error {
	if err == nil {
		return nil
	}
	return &Error{runner.Invalid, err.Error()}
}

// ClassOf is the class of an error: its own, or that of a failure.
func ClassOf(err error) runner.Class {
	if err == nil {
		return runner.OK
	}
	if classed, ok := errors.AsType[*Error](err); ok {
		return classed.Class
	}
	return runner.Failed
}

// Version is what the build knows of itself.
type Version struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	System   string `json:"system"`
}

// releaseVersion is set by the linker in what .goreleaser.yaml builds: -X …/internal/app.releaseVersion=v1.2.3.
var releaseVersion string

// ReadVersion reads the version of this build: that of a release, else the one that Go recorded, as go install does.
func ReadVersion() Version {
	v := Version{Version: "unknown", Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if v.Version = cmp.Or(releaseVersion, info.Main.Version); v.Version == "" || v.Version == "(devel)" {
		v.Version = "devel"
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

func (v Version) String() string { return fmt.Sprintf("vpsbot %s (%s, %s)", v.Version, v.Go, v.System) }
