package webapi

import (
	"context"
	"time"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/slackbot/blocks"
)

const (
	updateViewWithin  = 20 * time.Second
	publishHomeWithin = 30 * time.Second
)

// OpenView opens a modal and returns its id. If Slack rejects its blocks, the modal opens with its
// inputs and plain text alone.
func (c *Client) OpenView(ctx context.Context, trigger string, modal slack.ModalViewRequest) (id string, err error) {
	err = c.showView(func(modal slack.ModalViewRequest) error {
		opened, err := c.slack.OpenViewContext(ctx, trigger, modal)
		if err == nil {
			id = opened.ID
		}
		return err
	}, modal)
	return id, err
}

// UpdateView replaces what an open modal shows, after rate limits too. A modal that its person has
// closed is no error.
func (c *Client) UpdateView(ctx context.Context, id string, modal slack.ModalViewRequest) error {
	err := c.showView(func(modal slack.ModalViewRequest) error {
		return retry(ctx, updateViewWithin, func(ctx context.Context) error {
			_, err := c.slack.UpdateViewContext(ctx, modal, "", "", id)
			return err
		})
	}, modal)
	if ErrorCode(err) == "not_found" {
		return nil
	}
	return err
}

func (c *Client) showView(show func(slack.ModalViewRequest) error, modal slack.ModalViewRequest) error {
	err := show(modal)
	if viewRejected(err) {
		c.Log.Error("Slack does not take the blocks of a window; it is opened without", "error", err)
		modal.Blocks = blocks.Bare(modal.Blocks)
		err = show(modal)
	}
	return translateError(err)
}

// PublishHome replaces a user's Home tab, after rate limits too. If Slack rejects its blocks, the
// text is shown alone.
func (c *Client) PublishHome(ctx context.Context, user string, home slack.HomeTabViewRequest) error {
	publish := func(home slack.HomeTabViewRequest) error {
		return retry(ctx, publishHomeWithin, func(ctx context.Context) error {
			_, err := c.slack.PublishViewContext(ctx, slack.PublishViewContextRequest{UserID: user, View: home})
			return err
		})
	}
	err := publish(home)
	if viewRejected(err) {
		c.Log.Error("Slack does not take the blocks of a Home tab; its text is shown alone", "error", err)
		home.Blocks = blocks.Bare(home.Blocks)
		err = publish(home)
	}
	return err
}
