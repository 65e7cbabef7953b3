// Package slackbot lets people run vpsbot's operations from Slack: by a command, by cards and
// by forms.
//
// A delivery comes in by slackbot/transport, is stored by slackbot/inbox, and only then
// acknowledged; a worker dispatches it to the handlers of this package. What a record shows in
// Slack is the business of slackbot/messages.
package slackbot

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/background"
	"github.com/vpsbot/vpsbot/internal/command"
	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/seal"
	"github.com/vpsbot/vpsbot/internal/ttl"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/slackbot/inbox"
	"github.com/vpsbot/vpsbot/slackbot/messages"
	"github.com/vpsbot/vpsbot/slackbot/transport"
	"github.com/vpsbot/vpsbot/slackbot/webapi"
)

// Store is what the bot keeps between restarts, and shares with other replicas.
type Store interface {
	messages.Store
	delivery.Inbox
}

// Options configure a bot. All fields but Every, Pulse, Rejected, Called and NotStored are needed.
type Options struct {
	Runner *runner.Runner
	Store  func(context.Context) (Store, error)
	Token  string // the bot's token
	APIURL string // base of Slack's Web API, with a slash at its end
	Client *http.Client
	Now    func() time.Time
	Random io.Reader
	Log    *slog.Logger      // redacts its lines: errors may hold the token
	Every  time.Duration     // interval of the loops; 0: a second
	Pulse  *background.Pulse // watches the loop that takes deliveries from the store

	// Rejected is called with the reason if Slack rejects the token at the start.
	Rejected func(reason string)
	// Called is called after each request to Slack's Web API.
	Called func(method string, outcome webapi.Outcome)
	// NotStored is called for each delivery that could not be stored.
	NotStored func()
}

// Bot is vpsbot in Slack. Make one with [New] and start [Bot.Run]; [Bot.Handle] receives the deliveries.
type Bot struct {
	Options
	api       *webapi.Client
	sealer    *seal.Sealer
	inbox     *inbox.Inbox
	messages  *messages.Follower
	notices   messages.Notices
	workspace *workspace
	servers   *ttl.Cache[[]server]
	ready     chan struct{} // closed once it is known whose bot this is
}

// New makes a bot. It sends nothing.
func New(o Options) (*Bot, error) {
	if o.Every == 0 {
		o.Every = time.Second
	}
	sealer, err := seal.New(o.Token, o.Random)
	if err != nil {
		return nil, err
	}
	api, err := webapi.New(webapi.Options{Token: o.Token, BaseURL: o.APIURL, HTTP: o.Client, Now: o.Now, Log: o.Log, Observe: o.Called})
	if err != nil {
		return nil, err
	}
	b := &Bot{Options: o, api: api, sealer: sealer, servers: newServerCache(o.Now), ready: make(chan struct{})}
	b.workspace = &workspace{Bot: b, groups: newGroupCache(o.Now)}
	shown := messages.Options{
		Runner: o.Runner, Store: func(ctx context.Context) (messages.Store, error) { return o.Store(ctx) },
		API: api, Sealer: sealer, Now: o.Now, Log: o.Log, Every: o.Every, Groups: b.workspace.groupsOf,
	}
	b.messages, b.notices = messages.New(shown), messages.Notices{Options: shown}
	b.inbox = inbox.New(inbox.Options{
		Store:  func(ctx context.Context) (delivery.Inbox, error) { return o.Store(ctx) },
		Sealer: sealer, Now: o.Now, Log: o.Log, Every: 10 * o.Every, Pulse: o.Pulse,
		Ready: b.ready, Carry: b.dispatch, Expired: b.apologize,
	})
	return b, nil
}

// Run does the bot's work until ctx ends, and returns once all deliveries under way have ended or are left to
// the store. The messages are synchronized until all else has ended.
func (b *Bot) Run(ctx context.Context) {
	var work, sync sync.WaitGroup
	syncing, stopSync := context.WithCancel(context.WithoutCancel(ctx))
	sync.Go(func() { b.messages.Sync(syncing) })
	work.Go(func() { b.inbox.Run(ctx) })
	work.Go(func() { b.messages.Reconcile(ctx) })
	work.Go(func() { b.notices.Run(ctx) })
	work.Go(func() {
		b.notices.StartMirror(ctx)
		background.Loop{Interval: 60 * b.Every, Log: b.Log, Message: "Slack: asking whose bot this is"}.Run(ctx, b.identify)
	})
	work.Wait()
	stopSync()
	sync.Wait()
}

// identify finds out whose bot this is; nothing is carried out before. It does so again now and then:
// a new installation may have granted more scopes, and an invalid token is noticed although nobody
// needs it.
func (b *Bot) identify(ctx context.Context) error {
	if b.api.IsIdentified() {
		return b.api.Identify(ctx)
	}
	if err := b.api.AwaitIdentity(ctx, b.Every); err != nil {
		if reason := webapi.TokenRefusal(webapi.ErrorCode(err)); reason != "" && b.Rejected != nil {
			b.Rejected(reason)
		}
		return err
	}
	close(b.ready)
	missing := slices.DeleteFunc(Features{}.Scopes(), b.api.HasScope)
	if len(missing) > 0 {
		b.Log.Warn("Slack: the app lacks scopes that it cannot work without; vpsbot doctor says what to do", "scopes", missing)
	}
	return nil
}

// Renew goes on with another token of the same bot's. It fails, and changes nothing, where Slack does not take it.
func (b *Bot) Renew(ctx context.Context, token string) error {
	if err := b.api.Renew(ctx, token); err != nil {
		return err
	}
	return b.sealer.Renew(token)
}

// Ready reports whether the bot knows whose it is, and Slack takes its token.
func (b *Bot) Ready() bool { return b.Unready() == "" }

// Unready returns the reason why the bot is not ready, without details; "" if it is ready.
func (b *Bot) Unready() string { return b.api.Unready() }

// GroupsOf returns the user groups that a user of Slack is in now, of those that the policy
// mentions. It is for the Runner, which checks again who has agreed.
func (b *Bot) GroupsOf(ctx context.Context, who permissions.Actor) []string {
	user, isSlack := messages.SlackID(who)
	if !isSlack {
		return nil
	}
	return b.workspace.groupsOf(ctx, user, false)
}

const acceptWithin = 900 * time.Millisecond // Slack waits three seconds, people one

// The texts of the acknowledgement for a delivery that was not stored, or not in time.
const (
	notStored = "vpsbot cannot store anything at the moment, so nothing was done. Please try again in a minute."
	slow      = "vpsbot cannot store your command at the moment. If no answer comes within a minute, it was not taken: please send it again then."
)

// Handle receives a delivery: an options load is answered at once, all else is stored and then
// acknowledged. A repeated delivery has no second effect.
func (b *Bot) Handle(ctx context.Context, d transport.Delivery) []byte {
	ctx, cancel := context.WithTimeout(ctx, acceptWithin)
	defer cancel()
	if d.Kind == transport.Options {
		return b.suggestServers(ctx, d)
	}
	if ack, done := b.precheck(ctx, d); done {
		return ack
	}
	if err := b.inbox.Add(ctx, d); err != nil {
		b.Log.Warn("Slack: a delivery could not be stored", "error", err)
		if b.NotStored != nil {
			b.NotStored()
		}
		if !b.onlyReads(d) || !b.inbox.Queue(d) { // reads work without a store: no harm is done if one is repeated
			return notTaken(d, err)
		}
	}
	return nil
}

// precheck checks a submitted modal before it is acknowledged: only then can Slack show at the field
// an error. done is set if nothing is left to carry out.
func (b *Bot) precheck(ctx context.Context, d transport.Delivery) (ack []byte, done bool) {
	if d.Kind != transport.Interaction {
		return nil, false
	}
	var p payload
	if err := json.Unmarshal(d.Body, &p); err != nil {
		return nil, true
	}
	switch {
	case p.Type != "view_submission":
		return nil, p.Type != "block_actions"
	case p.View.CallbackID == blocks.CallbackName:
		return b.checkName(ctx, permissions.SlackUser(p.User.ID), p.View)
	case p.View.CallbackID == blocks.CallbackForm:
		return b.checkForm(p.View)
	}
	return nil, false
}

func (b *Bot) onlyReads(d transport.Delivery) bool {
	var typed slack.SlashCommand
	if d.Kind != transport.Command || json.Unmarshal(d.Body, &typed) != nil {
		return false
	}
	c, err := command.Parse(b.Runner.Catalogue, typed.Text)
	if err != nil {
		return false
	}
	switch c.Kind {
	case command.Operation:
		return c.Op.IsRead() && len(c.Missing()) == 0
	case command.Help, command.Why, command.Nothing:
		return true
	}
	return false
}

func notTaken(d transport.Delivery, err error) []byte {
	if errors.Is(err, inbox.ErrNotStored) {
		return transport.ErrorAck(d, "Not done", notStored)
	}
	return transport.ErrorAck(d, "Not done", slow) // it may have been stored all the same
}
