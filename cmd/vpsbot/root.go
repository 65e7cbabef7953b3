package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/process"
	"github.com/vpsbot/vpsbot/internal/redact"
	"github.com/vpsbot/vpsbot/internal/runner"
)

const rootHelp = `vpsbot is one guarded door to your VPS.org account. Assistants (over MCP) and people (in
Slack and at a terminal) run the same operations through the same checks: the token's permissions,
a card that shows what will happen, your own yes, and a log of what was done.

Try it on the built-in simulator, which needs no account:
  VPS_API_URL=simulator vpsbot run servers.list
  VPS_API_URL=simulator vpsbot run servers.reboot web-server-01
  vpsbot doctor
For your own account set VPS_API_TOKEN_FILE to a file with a token from
https://admin.vps.org/account/developers/, or VPS_API_TOKEN to the token.`

// app is what commands share: everything that comes from outside enters here.
type app struct {
	env    envconfig.Lookuper
	io     stdio
	goos   string
	now    func() time.Time
	random io.Reader

	oneUser bool // the users of this machine cannot be told apart
}

// newApp makes an app whose standard error shows no secret: not in messages, not in the log.
func newApp(env envconfig.Lookuper, io stdio) *app {
	a := &app{env: env, io: io, goos: runtime.GOOS, now: time.Now, random: rand.Reader, oneUser: process.InUserNamespace()}
	a.io.Err = redact.Writer(io.Err, a.secrets)
	return a
}

// run is the program: args without its name. The error, if any, says how it ended and is
// printed by the caller.
func run(ctx context.Context, args []string, env envconfig.Lookuper, io stdio) (err error) {
	a := newApp(env, io)
	log.SetOutput(a.io.Err) // of the standard library, as by an HTTP server
	defer func() {
		if broken := recover(); broken != nil {
			err = a.internal(broken, debug.Stack())
		}
		err = a.redactError(err)
	}()
	root := a.root(args)
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

// internal makes an error of a panic. The stack is for whoever looks for the mistake.
func (a *app) internal(broken any, stack []byte) error {
	if c, ok := broken.(crash); ok {
		broken, stack = c.value, c.stack
	}
	if level, _ := a.env.Lookup("VPSBOT_LOG_LEVEL"); level == "debug" {
		a.io.say("%s", a.redact(string(stack)))
	}
	return fail(runner.Failed, "an internal error: %s; VPSBOT_LOG_LEVEL=debug shows where", a.redact(fmt.Sprint(broken)))
}

// logger writes to stderr, at the level and in the form of the configuration.
func (a *app) logger(cfg config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogJSON {
		return slog.New(slog.NewJSONHandler(a.io.Err, options))
	}
	return slog.New(slog.NewTextHandler(a.io.Err, options))
}
