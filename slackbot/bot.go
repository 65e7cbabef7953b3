// Package slackbot lets people run vpsbot's operations from Slack: by a command, by cards and
// by forms.
//
// What Slack delivers comes in by slackbot/transport, is stored, and only then acknowledged; workers
// carry it out. What a record shows in Slack is decided by how the record stands, never by what
// happened to it: one loop makes each message say what is so, after a crash as before it.
package slackbot

import (
	"context"
	"crypto/cipher"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/ttl"
	"github.com/vpsbot/vpsbot/slackbot/transport"
)

// Store is what the bot keeps between restarts, and shares with other replicas.
type Store interface {
	approval.Store
	delivery.Inbox
	delivery.Posts
	delivery.Deduper
	audit.Store
}

// Options are what a bot is made of.
type Options struct {
	Runner *runner.Runner
	Store  func(context.Context) (Store, error)
	Token  string // the bot's token
	APIURL string // base of Slack's Web API, with a slash at its end
	Client *http.Client
	Now    func() time.Time
	Random io.Reader
	Log    *slog.Logger  // takes secrets out of its lines: errors may hold the token
	Every  time.Duration // how often the loops look; 0: a second
}

// Bot is vpsbot in Slack. Make one with [New], give it deliveries, and let [Bot.Run] run.
type Bot struct {
	Options
	slack   *slack.Client
	line    *line
	apiHost string
	sealer  cipher.AEAD

	team     team
	inbox    *gatherer
	work     chan transport.Delivery
	finished chan string
	slots    chan struct{}
	inHand   sync.Map // ids of what is queued or being carried out here
	running  sync.WaitGroup
	working  context.Context // of what is carried out: it outlives the context that Run is given
	stop     context.CancelFunc
	brake    brake
	poked    chan struct{}
	live     progress
	groups   groupCache
	servers  ttl.Cache[[]server]
	members  members
	seen     seen
	looked   bool // at what ended while no process looked
}

const (
	workers   = 256  // deliveries under way at once
	mostQueue = 4096 // deliveries that wait in memory; more wait in the store alone
)

// New makes a bot. It sends nothing.
func New(o Options) (*Bot, error) {
	sealer, err := newSealer(o.Token)
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(o.APIURL)
	if err != nil {
		return nil, err
	}
	if o.Every == 0 {
		o.Every = time.Second
	}
	b := &Bot{
		Options: o, apiHost: base.Host, sealer: sealer,
		work: make(chan transport.Delivery, mostQueue), finished: make(chan string, mostQueue), poked: make(chan struct{}, 1),
		slots: make(chan struct{}, workers), groups: newGroupCache(o.Now), servers: newServerCache(o.Now),
	}
	b.line = &line{client: o.Client, heard: b.heard}
	b.slack = slack.New(o.Token, slack.OptionAPIURL(o.APIURL), slack.OptionHTTPClient(b.line))
	b.working, b.stop = context.WithCancel(context.Background())
	b.inbox = newGatherer(b.receive, b.enqueue)
	return b, nil
}

// How long stopping takes at most: what was begun has its time, then what is left is cut short,
// and the messages are brought up to date once more.
const (
	grace     = 5 * time.Second
	cutShort  = time.Second
	lastWords = 2 * time.Second
)

// Run does the bot's work until ctx ends, and returns once what was begun has ended or has
// been left to the store.
func (b *Bot) Run(ctx context.Context) {
	var loops, last sync.WaitGroup
	loops.Go(func() { b.inbox.run(ctx) })
	loops.Go(func() {
		b.beginMirror(ctx)
		if b.learnTeam(ctx); b.known() { // else whose workspace this is was never known
			b.serveWork(ctx)
		}
	})
	loops.Go(func() { b.every(ctx, 10*b.Every, b.takeLeftover) })
	loops.Go(func() { b.every(ctx, b.Every, b.look) })
	loops.Go(func() { b.every(ctx, 5*b.Every, b.notice) })
	loops.Go(func() { b.every(ctx, 60*b.Every, b.relearn) })
	ending, end := context.WithCancel(context.WithoutCancel(ctx)) // of what is needed until all is done
	last.Go(func() { b.finish(ending) })
	last.Go(func() { b.show(ending) })
	loops.Wait()
	if !wait(&b.running, grace) {
		b.stop()
		wait(&b.running, cutShort) // what Slack or VPS.org keeps waiting is found in the store as after a crash
	}
	b.stop()
	end()
	last.Wait()
}

// wait reports whether all ended in time.
func wait(all *sync.WaitGroup, most time.Duration) bool {
	ended := make(chan struct{})
	go func() {
		all.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return true
	case <-time.After(most):
		return false
	}
}

// every does something again and again until ctx ends. What goes wrong is logged once, until
// something else does, or nothing.
func (b *Bot) every(ctx context.Context, pause time.Duration, do func(context.Context) error) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	said := ""
	for {
		says := ""
		if err := b.guarded(ctx, do); err != nil && ctx.Err() == nil {
			says = err.Error()
		}
		if says != said && says != "" {
			b.Log.Warn("Slack: work in the background", "error", says)
		}
		said = says
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// guarded turns a panic into an error: one broken record must not end a loop.
func (b *Bot) guarded(ctx context.Context, do func(context.Context) error) (err error) {
	defer func() {
		if broken := recover(); broken != nil {
			err = b.broke(broken)
		}
	}()
	return do(ctx)
}
