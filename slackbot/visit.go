package slackbot

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot/transport"
	"github.com/vpsbot/vpsbot/tools"
)

// payload is what of Slack's deliveries is read.
type payload struct {
	Type string `json:"type"`
	Team struct {
		ID         string `json:"id"`
		Enterprise string `json:"enterprise_id"`
	} `json:"team"`
	User struct {
		ID         string `json:"id"`
		Name       string `json:"username"`
		TeamID     string `json:"team_id"`
		Enterprise string `json:"enterprise_id"`
	} `json:"user"`
	Enterprise struct {
		ID string `json:"id"`
	} `json:"enterprise"`
	Channel struct {
		ID string `json:"id"`
	} `json:"channel"`
	Container struct {
		ChannelID   string `json:"channel_id"`
		IsEphemeral bool   `json:"is_ephemeral"`
	} `json:"container"`
	ResponseURL string   `json:"response_url"`
	TriggerID   string   `json:"trigger_id"`
	Actions     []action `json:"actions"`
	ActionID    string   `json:"action_id"` // of an option load
	Value       string   `json:"value"`
	View        view     `json:"view"`
	Event       struct {
		Type string `json:"type"`
		User string `json:"user"`
		Tab  string `json:"tab"`
		View view   `json:"view"`
	} `json:"event"`
	TeamID string `json:"team_id"` // of an event
}

type action struct {
	ActionID string `json:"action_id"`
	Value    string `json:"value"`
}

type view struct {
	ID         string           `json:"id"`
	Type       string           `json:"type"`
	CallbackID string           `json:"callback_id"`
	Meta       string           `json:"private_metadata"`
	State      *slack.ViewState `json:"state"`
}

// visit is one person doing one thing in Slack.
type visit struct {
	id        string // of the delivery
	user      string
	channel   string
	external  bool // of another workspace
	groups    []string
	url       string // response_url
	trigger   string
	ephemeral bool // what was pressed is a message for one person alone
	turns     bool // a page is turned: the answer goes where the last one was
	atHome    bool // what was pressed is in the Home tab
}

func (v *visit) actor() permissions.Actor { return permissions.SlackUser(v.user) }

// call is the wish of a visit.
func (b *Bot) call(v *visit, op *tools.Op, input []byte) runner.Call {
	return runner.Call{
		Operation: op.Name, Input: input, Actor: v.actor(), Surface: permissions.Slack, Channel: v.channel,
		Groups: v.groups, External: v.external, CanAsk: true,
	}
}

// visitOf reads who did something, and where.
func (b *Bot) visitOf(ctx context.Context, d transport.Delivery, p payload) *visit {
	v := &visit{
		id: d.ID, user: p.User.ID, channel: p.Channel.ID, url: p.ResponseURL, trigger: p.TriggerID, ephemeral: p.Container.IsEphemeral,
	}
	if v.channel == "" {
		v.channel = p.Container.ChannelID
	}
	if p.Event.User != "" {
		v.user = p.Event.User
	}
	v.external = !b.isOurs(ctx, v.user, p.origin())
	v.groups = b.groupsOf(ctx, v)
	return v
}

// origin is where somebody is from, as Slack says it: on Enterprise Grid their workspace may be
// another than the one in which they press, and only what is said of themselves proves anything.
type origin struct{ team, enterprise string }

func (p payload) origin() origin {
	o := origin{p.User.TeamID, p.User.Enterprise}
	switch {
	case p.Event.User != "":
		return origin{team: p.TeamID}
	case o.team == "":
		o.team = p.Team.ID
	}
	if o.enterprise == "" && o.team == p.Team.ID { // then what is said of the workspace is said of them
		o.enterprise = cmp.Or(p.Team.Enterprise, p.Enterprise.ID)
	}
	return o
}

// isOurs reports whether somebody counts as one of the workspace: Slack says that they are of it, or
// of its enterprise; the policy names them; or they have typed a command in it. All others are
// strangers of Slack Connect.
func (b *Bot) isOurs(ctx context.Context, user string, from origin) bool {
	switch {
	case from.team == b.team.id():
		return true
	case from.enterprise != "" && from.enterprise == b.team.ofEnterprise():
		return true
	case user == "":
		return false
	}
	return isNamed(b.Runner.Policy().Book, permissions.SlackUser(user)) || b.hasTyped(ctx, user)
}

// isNamed reports whether a policy means somebody by their id.
func isNamed(book *permissions.Rulebook, who permissions.Actor) bool {
	if book == nil {
		return false
	}
	if _, listed := (permissions.Policy{Book: book}).Person(who); listed {
		return true
	}
	return slices.ContainsFunc(book.Rules, func(r permissions.Rule) bool {
		named := r.Who
		if r.Approvers != nil {
			named = slices.Concat(named, r.Approvers.Who)
		}
		return r.Effect == permissions.Allow && slices.Contains(named, permissions.Principal(who))
	})
}

// commandRequest is the part of a slash command that is read.
type commandRequest struct {
	TeamID      string `json:"team_id"`
	Enterprise  string `json:"enterprise_id"`
	UserName    string `json:"user_name"`
	ChannelID   string `json:"channel_id"`
	UserID      string `json:"user_id"`
	Text        string `json:"text"`
	ResponseURL string `json:"response_url"`
	TriggerID   string `json:"trigger_id"`
}

func (b *Bot) visitOfCommand(ctx context.Context, d transport.Delivery) (*visit, string, error) {
	var c commandRequest
	if err := json.Unmarshal(d.Body, &c); err != nil {
		return nil, "", err
	}
	v := &visit{
		id: d.ID, user: c.UserID, channel: c.ChannelID, url: c.ResponseURL, trigger: c.TriggerID,
		external: !b.isOurs(ctx, c.UserID, origin{c.TeamID, c.Enterprise}),
	}
	if c.TeamID == b.team.id() {
		b.noteTyped(ctx, c.UserID, c.UserName)
	}
	v.groups = b.groupsOf(ctx, v)
	return v, c.Text, nil
}
