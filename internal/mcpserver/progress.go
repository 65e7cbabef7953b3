package mcpserver

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

const (
	progressInterval = 100 * time.Millisecond
	waitingFirst     = time.Second
	waitingInterval  = 10 * time.Second
)

// progressReporter sends progress notifications, errors of which are ignored. A nil reporter sends none.
type progressReporter struct {
	send    func(progress float64, message string) error
	subject string

	mu   sync.Mutex
	last float64   // the protocol requires it to increase
	sent time.Time // of the last notification
}

// newProgressReporter returns the reporter of a call, nil if the client did not request progress.
func newProgressReporter(c client, op *tools.Op, params callParams) *progressReporter {
	token := params.Meta.ProgressToken
	if kind := token.Kind(); kind != '"' && kind != '0' { // the types that the protocol allows
		return nil
	}
	return &progressReporter{subject: subject(op, params.Arguments), send: func(progress float64, message string) error {
		return c.notify("notifications/progress", map[string]any{"progressToken": json.RawMessage(token), "progress": progress, "message": message})
	}}
}

// subject returns the client's name of the call's object, or the title of the operation.
func subject(op *tools.Op, arguments jsontext.Value) string {
	var in map[string]any
	_ = json.Unmarshal(arguments, &in) // the Runner checks the input
	for _, member := range []string{"server", "name"} {
		if name, _ := in[member].(string); name != "" {
			return text.Clean(name)
		}
	}
	return op.Title
}

func (r *progressReporter) status(status string, waited time.Duration) {
	r.report(fmt.Sprintf("%s is %s (%d s)", r.subject, status, int(waited.Seconds())), waited)
}

// waitingForPerson reports at intervals that a person must answer, until stop is called: many clients cancel a
// call that is silent for a minute.
func (r *progressReporter) waitingForPerson() (stop func()) {
	if r == nil {
		return func() {}
	}
	began, over := time.Now(), make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		first, tick := time.After(waitingFirst), time.NewTicker(waitingInterval)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-first:
			case <-tick.C:
			}
			waited := time.Since(began)
			r.report(fmt.Sprintf("waiting for a person to answer (%d s)", int(waited.Seconds())), waited)
		}
	})
	return func() {
		close(over)
		done.Wait()
	}
}

func (r *progressReporter) report(message string, waited time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if now.Sub(r.sent) < progressInterval {
		return
	}
	r.sent, r.last = now, max(waited.Seconds(), r.last+0.001)
	_ = r.send(r.last, message)
}
