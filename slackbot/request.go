package slackbot

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/slackbot/messages"
	"github.com/vpsbot/vpsbot/slackbot/transport"
	"github.com/vpsbot/vpsbot/slackbot/webapi"
	"github.com/vpsbot/vpsbot/tools"
)

// payload is the part of an interaction, an options load or an event that is read.
type payload struct {
	Type       string `json:"type"`
	Team       object `json:"team"`
	User       object `json:"user"`
	Enterprise object `json:"enterprise"`
	Channel    object `json:"channel"`
	Container  struct {
		ChannelID   string `json:"channel_id"`
		IsEphemeral bool   `json:"is_ephemeral"`
	} `json:"container"`
	ResponseURL string   `json:"response_url"`
	TriggerID   string   `json:"trigger_id"`
	Actions     []action `json:"actions"`
	ActionID    string   `json:"action_id"` // of an options load
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

// object is the person, the workspace, the enterprise or the channel of a payload.
type object struct {
	ID         string `json:"id"`
	TeamID     string `json:"team_id"`       // of a person
	Enterprise string `json:"enterprise_id"` // of a person or a workspace
}

type action struct {
	ActionID string `json:"action_id"`
	Value    string `json:"value"`
}

type view struct {
	Type       string          `json:"type"`
	CallbackID string          `json:"callback_id"`
	Meta       string          `json:"private_metadata"`
	State      slack.ViewState `json:"state"`
}

// origin is the workspace and the enterprise of a person. On Enterprise Grid their workspace may be
// another than the one in which they press a button, and only what Slack says of the person counts.
type origin struct{ team, enterprise string }

func (p payload) origin() origin {
	o := origin{p.User.TeamID, p.User.Enterprise}
	switch {
	case p.Event.User != "":
		return origin{team: p.TeamID}
	case o.team == "":
		o.team = p.Team.ID
	}
	if o.enterprise == "" && o.team == p.Team.ID { // what Slack says of the workspace holds for the person
		o.enterprise = cmp.Or(p.Team.Enterprise, p.Enterprise.ID)
	}
	return o
}

// request is one act of one person in Slack: a command, a press, a submitted form, an opened tab.
type request struct {
	*Bot
	id          string // of the delivery
	user        string
	channel     string
	external    bool // the person is of another workspace
	groups      []string
	responseURL string
	trigger     string
	typed       string // after /vps
	ephemeral   bool   // the button is in a message for one person alone
	paging      bool   // the answer replaces the page before
	atHome      bool   // the button is in the Home tab
}

// newRequest makes the request of a delivery. p is empty for a command.
func (b *Bot) newRequest(ctx context.Context, d transport.Delivery) (r *request, p payload, err error) {
	if d.Kind != transport.Command {
		if err = json.Unmarshal(d.Body, &p); err == nil {
			r = b.fromPayload(ctx, d, p)
		}
		return r, p, err
	}
	var c slack.SlashCommand
	if err = json.Unmarshal(d.Body, &c); err != nil {
		return nil, p, err
	}
	r = &request{Bot: b, id: d.ID, user: c.UserID, channel: c.ChannelID, responseURL: c.ResponseURL, trigger: c.TriggerID, typed: c.Text}
	r.identify(ctx, origin{c.TeamID, c.EnterpriseID})
	if c.TeamID == b.api.Identity().Team {
		b.workspace.noteCommand(ctx, c.UserID, c.UserName)
	}
	return r, p, nil
}

// fromPayload makes the request of an interaction, an options load or an event.
func (b *Bot) fromPayload(ctx context.Context, d transport.Delivery, p payload) *request {
	r := &request{
		Bot: b, id: d.ID, user: cmp.Or(p.Event.User, p.User.ID), channel: cmp.Or(p.Channel.ID, p.Container.ChannelID),
		responseURL: p.ResponseURL, trigger: p.TriggerID, ephemeral: p.Container.IsEphemeral,
	}
	r.identify(ctx, p.origin())
	return r
}

// identify sets whether the person is of the workspace, and in which user groups they are.
func (r *request) identify(ctx context.Context, from origin) {
	r.external = !r.workspace.includes(ctx, r.user, from)
	if r.trigger != "" && !r.external && r.user != "" { // not of an event, which names the workspace that it happened in
		r.workspace.met.Set(r.user, true)
	}
	r.groups = r.workspace.groupsOf(ctx, r.user, r.external)
}

func (r *request) actor() permissions.Actor { return permissions.SlackUser(r.user) }

func (r *request) call(op *tools.Op, input []byte) runner.Call {
	return runner.Call{
		Operation: op.Name, Input: input, Actor: r.actor(), Surface: permissions.Slack, Channel: r.channel,
		Groups: r.groups, External: r.external, CanPrompt: true,
	}
}

func (r *request) asked(share bool) messages.Asked {
	return messages.Asked{User: r.user, Channel: r.channel, ResponseURL: r.responseURL, Share: share}
}

func (r *request) replyText(ctx context.Context, text string) error {
	return r.reply(ctx, blocks.Plain(text))
}

func (r *request) reply(ctx context.Context, m blocks.Message) error {
	return r.respond(ctx, webapi.Response{Message: m})
}

const directWithin = 10 * time.Second

// respond answers by the response_url, and by a direct message if that fails.
func (r *request) respond(ctx context.Context, response webapi.Response) error {
	err := r.api.RespondRetrying(ctx, r.responseURL, response)
	if err == nil || r.user == "" {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, directWithin)
	defer cancel()
	_, _, err = r.api.Post(ctx, r.user, "", response.Message)
	return err
}

func (r *request) noStore(ctx context.Context, err error) error {
	r.Log.Error("Slack: looking something up", "error", err)
	return r.replyText(ctx, "vpsbot cannot look it up at the moment: "+text.Clean(runner.Explain(err))+". Please try again in a minute.")
}
