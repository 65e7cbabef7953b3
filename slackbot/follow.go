package slackbot

import (
	"strconv"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/tools"
)

// progress is what is known here of work that goes on after its call. It is lost with the
// process: what VPS.org accepted is in the store.
type progress struct {
	mu   sync.Mutex
	runs map[string]run
}

type run struct {
	status  string
	waited  time.Duration
	settled string
	ended   bool
}

func (p *progress) set(id string, change func(*run)) {
	if id == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.runs == nil || len(p.runs) > 10000 {
		p.runs = map[string]run{}
	}
	r := p.runs[id]
	change(&r)
	p.runs[id] = r
}

func (p *progress) isRunning(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, ok := p.runs[id]
	return ok && !r.ended
}

// add tells a message what is known of the work of its record.
func (p *progress) add(view *blocks.LiveView, rec approval.Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.runs[rec.ID]
	view.Progress, view.Waited, view.Settled = r.status, r.waited, r.settled
	if r.ended {
		view.Progress = ""
	}
	if rec.State == approval.Executing && !rec.ClaimedAt.IsZero() {
		view.Waited = view.Now.Sub(rec.ClaimedAt).Truncate(time.Second)
	}
}

// follower notes the progress of one call.
type follower struct {
	bot *Bot
	mu  sync.Mutex
	id  string
}

// follow makes a call tell its progress. Once the work goes on by itself the visit is done.
func (b *Bot) follow(call *tools.Call, v *visit) *follower {
	f := &follower{bot: b}
	call.Progress = func(status string, waited time.Duration) {
		v.done()
		b.live.set(f.record(), func(r *run) { r.status, r.waited = status, waited.Truncate(time.Second) })
	}
	return f
}

func (f *follower) begin(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.id = id
	f.bot.live.set(id, func(*run) {})
}

func (f *follower) record() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.id
}

// ended notes how the work settled, which is known to this call alone.
func (f *follower) ended(reply tools.Reply) {
	id := f.record()
	f.bot.live.set(id, func(r *run) {
		r.ended, r.settled = true, reply.Settled
	})
}

func itoa(n int) string { return strconv.Itoa(n) }
