// Package fakeslack is a Slack in memory, for tests: the Web API, response URLs, modals, App
// Home, files, signed requests and Socket Mode. The test plays the people, who type commands,
// press buttons and submit forms. What the app sends is checked against Slack's limits
// (limits.go, mrkdwn.go), and what breaks one fails the test.
//
//	s := fakeslack.New(t, fakeslack.Options{})
//	s.AddUser(fakeslack.User{ID: "U1", Name: "lea"})
//	s.AddChannel("C1", "U1")
//	s.Deliver("http://127.0.0.1:8484")
//	lea := s.As("U1").In("C1")
//	lea.Type("/vps servers delete web-1")
//	card := s.WaitEphemeral("U1", "web-1")
//	lea.Press(card, "Delete")
//
// It knows nothing of the app and is no part of the product.
package fakeslack

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/time/rate"
)

// Options configure the workspace and the app. The zero value is a workspace T0TEAM with an app that has
// every scope.
type Options struct {
	Now           func() time.Time // by which trigger ids, response URLs and timestamps live; nil: time.Now
	Team, BotUser string           // the ids of the workspace and of the app's bot

	SigningSecret, BotToken, AppToken string // what the app is given; empty: values of the fake's

	Scopes []string // what the bot token may do; nil: everything
}

// Slack is one workspace with one app installed. It is safe for concurrent use.
type Slack struct {
	// Secrets may be in no request, acknowledgement or message of the app's; the tokens and the
	// signing secret are among them without being named. Set it before the app starts.
	Secrets []string
	// NextToken is a token of the bot that is taken too, as where the app was installed again; empty: there is none.
	NextToken string
	// Links are the hosts, with all below them, that messages may link to. Set it before the app starts.
	Links []string

	t      testing.TB
	o      Options
	server *httptest.Server
	closed chan struct{}

	mu        sync.Mutex
	seq       int
	users     map[string]User
	channels  map[string]*channel
	posted    []*Message
	groups    map[string][]string
	triggers  map[string]*trigger
	responses map[string]*responseURL
	modals    map[string]*View
	homes     map[string]*View
	files     []*File
	calls     []Call
	target    target
	*faults
	*socketMode

	violations struct {
		sync.Mutex
		texts []string
		over  bool // the test has ended
	}
}

// App, bot and workspace, as payloads name them.
const (
	appID  = "A0VPSBOT"
	botID  = "B0VPSBOT"
	domain = "fake"
	// legacy is the verification token that Slack still sends, and that proves nothing.
	legacy = "legacy-verification-token"
)

// New starts a Slack that ends with the test.
func New(t testing.TB, o Options) *Slack {
	s := &Slack{
		t: t, o: o.filled(), closed: make(chan struct{}),
		Links: []string{"vps.org", "github.com", "slack.com"},
		users: map[string]User{}, channels: map[string]*channel{}, groups: map[string][]string{},
		triggers: map[string]*trigger{}, responses: map[string]*responseURL{},
		modals: map[string]*View{}, homes: map[string]*View{},
	}
	s.faults = &faults{slack: s, set: map[string]*Fault{}}
	s.socketMode = &socketMode{slack: s, tickets: map[string]bool{}, waiting: map[string]chan Ack{}}
	s.users[s.o.BotUser] = User{ID: s.o.BotUser, Name: "vpsbot", Team: s.o.Team, bot: true}
	s.server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.close)
	return s
}

func (o Options) filled() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Scopes == nil {
		o.Scopes = slices.Clone(allScopes)
	}
	o.Team, o.BotUser = cmp.Or(o.Team, "T0TEAM"), cmp.Or(o.BotUser, "U0VPSBOT")
	o.SigningSecret = cmp.Or(o.SigningSecret, "8f742231b10e8888abcd99yyyzzz85a5")
	o.BotToken = cmp.Or(o.BotToken, "xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcHrzqqgy")
	o.AppToken = cmp.Or(o.AppToken, "xapp-1-A0VPSBOT-1234567890-fa4e5ac9b0a1c2d3")
	return o
}

func (s *Slack) close() {
	s.violations.Lock()
	s.violations.over = true
	s.violations.Unlock()
	close(s.closed)
	s.DropConnections()
	s.server.CloseClientConnections()
	s.server.Close()
}

// APIURL is what SLACK_API_URL must be set to.
func (s *Slack) APIURL() string { return s.server.URL + "/api/" }

// Options are those that the app needs to know, with what was left empty filled in.
func (s *Slack) Options() Options { return s.o }

// Violations are the mistakes of the app that have failed the test so far.
func (s *Slack) Violations() []string {
	s.violations.Lock()
	defer s.violations.Unlock()
	return slices.Clone(s.violations.texts)
}

// fail fails the test. A request that ends after the test fails nothing.
func (s *Slack) fail(format string, args ...any) {
	s.t.Helper()
	s.violations.Lock()
	defer s.violations.Unlock()
	if s.violations.over {
		return
	}
	text := fmt.Sprintf(format, args...)
	s.violations.texts = append(s.violations.texts, text)
	s.t.Errorf("slack: %s", text)
}

func (s *Slack) now() time.Time { return s.o.Now() }

// locked returns what get returns while it holds the lock.
func locked[T any](s *Slack, get func() T) T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return get()
}

// next counts up; the caller holds the lock.
func (s *Slack) next() int {
	s.seq++
	return s.seq
}

// opaque makes an identifier without meaning; the caller holds the lock.
func (s *Slack) opaque(kind string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", kind, s.next()))
	return hex.EncodeToString(sum[:12])
}

// ts makes the timestamp that names a message: later ones are greater, and none comes twice.
// The caller holds the lock.
func (s *Slack) ts() string {
	return fmt.Sprintf("%d.%06d", s.now().Unix(), s.next())
}

// User is a person. Team is the workspace the person belongs to; empty: the app's own. One of
// another team is a guest by way of Slack Connect.
type User struct {
	ID, Name, Team string
	bot            bool
}

type channel struct {
	id, name string
	members  []string
	archived bool
	rate     *rate.Limiter
	tooFast  int
}

func newChannel(id, name string, members ...string) *channel {
	return &channel{id: id, name: name, members: members, rate: rate.NewLimiter(1, 5)}
}

// AddUser adds a person; the same id again replaces the person.
func (s *Slack) AddUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.Team == "" {
		u.Team = s.o.Team
	}
	s.users[u.ID] = u
}

// AddChannel adds a channel that the bot is in, with its members.
func (s *Slack) AddChannel(id string, members ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channels[id] = newChannel(id, strings.ToLower(id), append(slices.Clone(members), s.o.BotUser)...)
}

// AddUserGroup adds a user group, or replaces who is in it.
func (s *Slack) AddUserGroup(id string, users ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups[id] = slices.Clone(users)
}

// ArchiveChannel makes a channel one that nothing can be posted to.
func (s *Slack) ArchiveChannel(id string) {
	s.inChannel(id, func(c *channel) { c.archived = true })
}

// KickBot takes the bot out of a channel.
func (s *Slack) KickBot(id string) {
	s.inChannel(id, func(c *channel) {
		c.members = slices.DeleteFunc(c.members, func(u string) bool { return u == s.o.BotUser })
	})
}

func (s *Slack) inChannel(id string, do func(*channel)) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[id]
	if c == nil {
		s.fail("the test knows no channel %s: add it with AddChannel", id)
		return
	}
	do(c)
}

// dm is the direct messages between a person and the bot; the caller holds the lock.
func (s *Slack) dm(user string) *channel {
	id := "D" + user
	if s.channels[id] == nil {
		s.channels[id] = newChannel(id, "directmessage", user, s.o.BotUser)
	}
	return s.channels[id]
}

// find is the channel an app means by an id: a person's id is the direct messages with
// that person. The caller holds the lock.
func (s *Slack) find(id string) *channel {
	if u, ok := s.users[id]; ok && !u.bot && u.Team == s.o.Team {
		return s.dm(id)
	}
	return s.channels[id]
}
