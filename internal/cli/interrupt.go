package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sethvargo/go-envconfig"
	"golang.org/x/term"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/background"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/tools"
)

const (
	// exitGrace is how long a command may take to end after a second Ctrl-C.
	exitGrace = time.Second
	// interrupted is the exit code after that, by custom.
	interrupted = 130
	// cancelGrace is how long a read, a wait or a question may take to stop after Ctrl-C. What goes on longer
	// is a change that has been sent.
	cancelGrace = 150 * time.Millisecond
	// sameMoment is within which a second signal is the first one: timeout(1) sends it to the process and to its group.
	sameMoment = 100 * time.Millisecond
)

// Main runs the process's own command line with the operations of a catalogue, and returns the exit code.
func Main(catalogue *tools.Catalogue) int {
	delayGC()
	ctx, again, hangups := interrupts()
	io := IO{
		Catalogue: catalogue,
		In:        os.Stdin, Out: os.Stdout, Err: os.Stderr, Again: again, Hangups: hangups,
		terminal:    &terminal{in: os.Stdin, err: os.Stderr},
		outTerminal: term.IsTerminal(int(os.Stdout.Fd())),
		errTerminal: term.IsTerminal(int(os.Stderr.Fd())),
	}
	err := Run(ctx, os.Args[1:], osVariables{envconfig.OsLookuper()}, io)
	if io.errTerminal {
		return Report(io.Err, err)
	}
	stderr := newLossyWriter(io.Err)
	defer stderr.flush(exitGrace)
	return Report(stderr, err)
}

// delayGC lets the heap grow to 16 MB for the first moments, in which a command that reads has ended and a server has
// started: collecting what the start leaves behind would be a tenth of its time. GOGC has precedence.
func delayGC() {
	if os.Getenv("GOGC") == "" {
		percent := debug.SetGCPercent(400)
		time.AfterFunc(100*time.Millisecond, func() { debug.SetGCPercent(percent) })
	}
}

type osVariables struct{ envconfig.Lookuper }

// Names implements [config.Lister].
func (osVariables) Names() []string {
	var names []string
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		names = append(names, name)
	}
	return names
}

// interrupts returns a context that the first Ctrl-C ends, a channel that the second one closes, with the process
// exiting soon after that, and the Hangups of an IO.
func interrupts() (_ context.Context, _ <-chan struct{}, hangups func() <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	again, signals := make(chan struct{}), make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	// A closed pipe must not end the process in the middle of a change: writing to it is an error like any
	// other.
	signal.Ignore(syscall.SIGPIPE)
	var isTaken atomic.Bool
	hungUp, isGone := make(chan struct{}, 1), terminalGone(os.Stdin, os.Stderr)
	awaitEnd := func() {
		for s := range signals {
			if s != syscall.SIGHUP || !isTaken.Load() || isGone() {
				return
			}
			background.Wake(hungUp)
		}
	}
	go func() {
		awaitEnd()
		cancel()
		time.Sleep(sameMoment)
		for len(signals) > 0 {
			<-signals
		}
		awaitEnd()
		close(again)
		time.Sleep(exitGrace)
		os.Exit(interrupted)
	}()
	return ctx, again, func() <-chan struct{} {
		isTaken.Store(true)
		return hungUp
	}
}

// terminalGone returns a function that reports whether a terminal among files was closed meanwhile: then SIGHUP means
// that its person is gone, and is no request to reload.
func terminalGone(files ...*os.File) func() bool {
	isTerminal := func(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
	terminals := slices.DeleteFunc(files, func(f *os.File) bool { return !isTerminal(f) })
	return func() bool {
		return slices.ContainsFunc(terminals, func(f *os.File) bool { return !isTerminal(f) })
	}
}

type capturedPanic struct {
	value any
	stack []byte
}

// runInterruptible calls execute and waits for its end. After Ctrl-C it still waits for a change that has
// been sent, and says so; a second Ctrl-C ends the waiting.
func (r *operationRun) runInterruptible(ctx context.Context, execute func() runner.Reply) runner.Reply {
	ended, panicked := make(chan runner.Reply, 1), make(chan capturedPanic, 1)
	go func() {
		defer func() {
			if value := recover(); value != nil {
				panicked <- capturedPanic{value, debug.Stack()}
			}
		}()
		ended <- execute()
	}()
	cancelled, sent := ctx.Done(), (<-chan time.Time)(nil)
	for {
		select {
		case reply := <-ended:
			return reply
		case captured := <-panicked:
			panic(captured)
		case <-cancelled:
			cancelled, sent = nil, time.After(cancelGrace)
		case <-sent:
			if rec, ok := r.recordNow(ctx); ok && slices.Contains(approval.Holding, rec.State) { // its call may be under way
				r.io.say("The request has been sent; waiting for its answer, at most 60 s. Ctrl-C again ends without knowing the outcome: vpsbot approvals list")
			}
		case <-r.io.Again:
			return r.abandoned(ctx)
		}
	}
}

// recordNow is this run's record as the store has it; of a read, and before there is one, there is none.
func (r *operationRun) recordNow(ctx context.Context) (approval.Record, bool) {
	made := r.record.Load()
	if made == nil {
		return approval.Record{}, false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), exitGrace/2)
	defer cancel()
	if store, err := r.Store.Open(ctx); err == nil {
		if now, err := store.Record(ctx, made.ID); err == nil {
			return now, true
		}
	}
	return *made, true
}

// abandoned is the reply where the person did not wait for the answer.
func (r *operationRun) abandoned(ctx context.Context) runner.Reply {
	rec, ok := r.recordNow(ctx)
	switch {
	case !ok || rec.State.Waits():
		return runner.Reply{Op: r.op, Class: runner.Failed, Message: "stopped; nothing was sent"}
	case !slices.Contains(approval.Holding, rec.State):
		return runner.Reply{Op: r.op, Class: runner.ClassOf(rec.State), Outcome: runner.Done, Record: &rec, Message: runner.Standing(r.Catalogue, rec)}
	}
	return runner.Reply{
		Op: r.op, Class: runner.Lost, Outcome: runner.Unknown, Record: &rec,
		Message: fmt.Sprintf("you did not wait for the answer, so it is not known whether it happened: %s. "+
			"The same command again, in some minutes, reads it back; vpsbot approvals show %s shows its state", runner.Subject(r.Catalogue, rec), rec.ID),
	}
}

// asCommands spells the operations that a message names as the commands that run them.
func (c *cli) asCommands(message string) string {
	return c.Catalogue.SpellNames(message, func(op *tools.Op) string {
		return "vpsbot " + strings.Replace(op.Name, ".", " ", 1)
	})
}
