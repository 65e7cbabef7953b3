package slackbot

import (
	"context"
	"encoding/json"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot/door"
	"github.com/vpsbot/vpsbot/tools"
)

// payload is what of Slack's deliveries is read.
type payload struct {
	Type string `json:"type"`
	Team struct {
		ID string `json:"id"`
	} `json:"team"`
	User struct {
		ID     string `json:"id"`
		TeamID string `json:"team_id"`
	} `json:"user"`
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
func (b *Bot) call(v *visit, op *tools.Op, input []byte) tools.Call {
	return tools.Call{
		Operation: op.Name, Input: input, Actor: v.actor(), Surface: permissions.Slack, Channel: v.channel,
		Groups: v.groups, External: v.external, CanAsk: true,
	}
}

// visitOf reads who did something, and where.
func (b *Bot) visitOf(ctx context.Context, d door.Delivery, p payload) *visit {
	v := &visit{
		id: d.ID, user: p.User.ID, channel: p.Channel.ID, url: p.ResponseURL, trigger: p.TriggerID, ephemeral: p.Container.IsEphemeral,
	}
	team := p.User.TeamID
	if v.channel == "" {
		v.channel = p.Container.ChannelID
	}
	if p.Event.User != "" {
		v.user, team = p.Event.User, p.TeamID
	}
	if team == "" {
		team = p.Team.ID
	}
	v.external = team != b.team.id()
	v.groups = b.groupsOf(ctx, v)
	return v
}

// command is the part of a slash command that is read.
type command struct {
	TeamID      string `json:"team_id"`
	ChannelID   string `json:"channel_id"`
	UserID      string `json:"user_id"`
	Text        string `json:"text"`
	ResponseURL string `json:"response_url"`
	TriggerID   string `json:"trigger_id"`
}

func (b *Bot) visitOfCommand(ctx context.Context, d door.Delivery) (*visit, string, error) {
	var c command
	if err := json.Unmarshal(d.Body, &c); err != nil {
		return nil, "", err
	}
	v := &visit{
		id: d.ID, user: c.UserID, channel: c.ChannelID, url: c.ResponseURL, trigger: c.TriggerID,
		external: c.TeamID != b.team.id(),
	}
	v.groups = b.groupsOf(ctx, v)
	return v, c.Text, nil
}
