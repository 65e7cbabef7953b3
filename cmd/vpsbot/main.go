// Command vpsbot is one guarded door to a VPS.org account: for assistants over MCP, and for
// people in Slack and at a terminal.
package main

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/sethvargo/go-envconfig"
	"golang.org/x/term"
)

// lastWords is how long a command may take to say how things stand after a second Ctrl-C.
const lastWords = time.Second

// interrupted is the exit code after that, by custom.
const interrupted = 130

func main() {
	ctx, again := interrupts()
	io := stdio{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Again: again,
		Terminal:    &terminal{in: os.Stdin, err: os.Stderr},
		OutTerminal: term.IsTerminal(int(os.Stdout.Fd())),
		ErrTerminal: term.IsTerminal(int(os.Stderr.Fd())),
	}
	err := run(ctx, os.Args[1:], environment{envconfig.OsLookuper()}, io)
	if io.ErrTerminal {
		os.Exit(report(io.Err, err))
	}
	said := newUnwaited(io.Err)
	code := report(said, err)
	said.flush(lastWords)
	os.Exit(code)
}

// environment is the process's own.
type environment struct{ envconfig.Lookuper }

// Names implements [config.Lister].
func (environment) Names() []string {
	var names []string
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		names = append(names, name)
	}
	return names
}

// interrupts returns a context that the first Ctrl-C ends, and a channel that the second one
// closes; what has not ended soon after that is ended.
func interrupts() (context.Context, <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	again, signals := make(chan struct{}), make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	// A reader that goes away must not end the process in the middle of a change: writing
	// to it is an error like any other.
	signal.Ignore(syscall.SIGPIPE)
	go func() {
		<-signals
		cancel()
		<-signals
		close(again)
		time.Sleep(lastWords)
		os.Exit(interrupted)
	}()
	return ctx, again
}
