// Package messages keeps Slack's messages in step with the records that they show. For each message
// there is a post in the store; the content of a message follows from the state of its record, never from an
// event: after a restart, an outage of Slack or a lost message the same loops reconcile them.
package messages

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/background"
	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/seal"
	"github.com/vpsbot/vpsbot/internal/ttl"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot/webapi"
)

// Store has the records, the audit log and the posts.
type Store interface {
	approval.Store
	audit.Store
	delivery.Posts
	delivery.Deduper
}

// Options configure a Follower and Notices. All fields are needed.
type Options struct {
	Runner *runner.Runner
	Store  func(context.Context) (Store, error)
	API    *webapi.Client
	Sealer *seal.Sealer // for response_urls
	Now    func() time.Time
	Log    *slog.Logger
	Every  time.Duration // between two rounds

	Groups func(ctx context.Context, user string, external bool) []string // the user groups somebody is in
}

// Follower keeps each message in step with its record. Make one with New; its methods may be called
// while Reconcile and Sync run.
type Follower struct {
	Options
	wakeup   chan struct{}
	lastSeen ttl.Bounded[string, string] // the appearance of each record when its messages were last made due
	progress ttl.Bounded[string, work]   // what was last read of each record's work
	approved *background.Group           // records under execution that were approved elsewhere
	running  sync.Map                    // their ids
	swept    bool                        // records that ended while no process looked are reconciled
}

// New makes a follower.
func New(o Options) *Follower {
	return &Follower{Options: o, wakeup: make(chan struct{}, 1), approved: background.NewGroup()}
}

// The kinds of posts that show a record.
const (
	cardKind      = "card"      // the question, as an answer to the asker alone
	liveKind      = "live"      // the progress of the operation, for the asker
	approvalsKind = "approvals" // in the channel of those who must agree
	directKind    = "direct"    // the question to somebody who asked elsewhere than in Slack
	endKind       = "end"       // notifies the asker of the end: a message of its own, because edits notify nobody
	turnKind      = "turn"      // notifies the asker that it is their turn
)

const (
	urlLasts = 29 * time.Minute // Slack forgets a response_url after thirty
	urlUses  = 5
)

func (f *Follower) newPost(kind string, rec approval.Record, user, channel string) delivery.Post {
	return delivery.Post{Key: kind + ":" + rec.ID, Approval: rec.ID, Kind: kind, User: user, Channel: channel, Next: f.Now()}
}

// directPost is the question to the asker as a direct message: they asked elsewhere, or the card
// cannot be shown.
func (f *Follower) directPost(rec approval.Record) delivery.Post {
	asker := f.AskerIn(rec)
	return f.newPost(directKind, rec, asker, asker)
}

func isDirect(p delivery.Post) bool { return p.Channel == p.User || strings.HasPrefix(p.Channel, "D") }

// questions are the posts that ask for the consents that a record waits for.
func (f *Follower) questions(rec approval.Record) (posts []delivery.Post) {
	asker := f.AskerIn(rec)
	if rec.Own && asker != "" && !IsSlack(rec) {
		posts = append(posts, f.directPost(rec))
	}
	channel := f.Runner.Policy().ApprovalsChannel()
	if channel != "" && (rec.Others > 0 || asker == "") {
		posts = append(posts, f.newPost(approvalsKind, rec, asker, channel))
	}
	return posts
}

// Asked is how somebody asked for a record in Slack.
type Asked struct {
	User, Channel string
	ResponseURL   string // empty: none came along
	Share         bool   // the progress is shown in the channel
}

// Show adds the messages of a record that somebody asked for in Slack: the card, for the asker alone,
// the message that shows the progress, and the questions to others. A post that cannot be added
// now is added when the record is reconciled.
func (f *Follower) Show(ctx context.Context, a Asked, rec approval.Record) {
	live := f.newPost(liveKind, rec, a.User, a.User)
	if a.Share && a.Channel != "" {
		live.Channel = a.Channel
	}
	posts := []delivery.Post{live}
	if rec.State == approval.Pending {
		posts = append(append(posts, f.card(a, rec)), f.questions(rec)...)
	}
	for _, p := range posts {
		if err := f.addPost(ctx, p); err != nil {
			f.Log.Warn("Slack: a message could not be prepared", "approval", rec.ID, "kind", p.Kind, "error", err)
		}
	}
	f.wake()
}

func (f *Follower) card(a Asked, rec approval.Record) delivery.Post {
	p := f.newPost(cardKind, rec, a.User, a.Channel)
	p.URLUntil = p.Next.Add(urlLasts)
	if a.ResponseURL != "" {
		p.URL = f.Sealer.Seal(urlPurpose, []byte(a.ResponseURL))
	}
	return p
}

const urlPurpose = "response_url"

// KeepCard stores the response_url of a press on a card, by which the card can be rewritten for
// another half hour.
func (f *Follower) KeepCard(ctx context.Context, a Asked, rec approval.Record) {
	card := f.card(a, rec)
	card.TS = pressedTS
	if err := f.addPost(ctx, card); err != nil {
		f.Log.Warn("Slack: noting how a card can be rewritten", "approval", rec.ID, "error", err)
	}
}

// pressedTS stands for the TS of a card that exists: Slack names none for ephemeral messages.
const pressedTS = "pressed"

// addPost stores a post. A card replaces the one before: only the newest can be answered where the
// person looks.
func (f *Follower) addPost(ctx context.Context, p delivery.Post) error {
	store, err := f.Store(ctx)
	if err != nil {
		return err
	}
	first, err := store.AddPost(ctx, p)
	if err != nil || first || p.Kind != cardKind {
		return err
	}
	return store.ReplacePost(ctx, p)
}

// AskerIn returns the Slack user id of a record's asker; "" if none is known.
func (f *Follower) AskerIn(rec approval.Record) string {
	asker := permissions.Actor(rec.Actor)
	for _, who := range append([]permissions.Actor{asker}, f.Runner.Policy().Identities(asker)...) {
		if user, ok := SlackID(who); ok {
			return user
		}
	}
	return ""
}

// SlackID is the Slack user id of an identity.
func SlackID(who permissions.Actor) (id string, ok bool) {
	return strings.CutPrefix(string(who), "slack:")
}

// IsSlack reports whether a record was asked for in Slack.
func IsSlack(rec approval.Record) bool { return rec.Origin().Surface == string(permissions.Slack) }
