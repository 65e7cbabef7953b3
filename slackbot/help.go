package slackbot

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/slackbot/command"
	"github.com/vpsbot/vpsbot/tools"
)

// tokenWithin bounds the wait for the token's permissions where a list of operations is shown.
const tokenWithin = 2 * time.Second

// topics is the help about the commands that are no operations.
var topics = map[string]string{
	"approvals": "/vps approvals lists what waits: for your approval, and what you asked for yourself, with buttons to answer.",
	"audit":     "/vps audit lists what was done last: what you did, or everybody if you may run something destructive.",
	"freeze":    "/vps freeze REASON stops every change, by everybody and everywhere, until /vps unfreeze. It is for those who may run something destructive.",
	"unfreeze":  "/vps unfreeze lifts a freeze. It is for those who may run something destructive.",
	"why":       "/vps why servers delete web-1 says which rule or permission decides, and what would be needed. It changes nothing.",
}

// help lists the operations that the person may run here: all, those of one resource, or one operation
// in full.
func (r *request) help(ctx context.Context, c command.Command) error {
	if topic := topics[c.Rest]; topic != "" {
		return r.replyText(ctx, topic)
	}
	ops, why, err := r.offered(ctx, tokenWithin)
	if c.Rest != "" {
		isOther := func(name string) bool { return !strings.HasPrefix(name, c.Rest+".") }
		ops = slices.DeleteFunc(ops, func(op *tools.Op) bool { return isOther(op.Name) })
		maps.DeleteFunc(why, func(name, _ string) bool { return isOther(name) })
	}
	answer := blocks.Help(ops, why, c.Op)
	if err != nil {
		note := blocks.Plain("What the token may do cannot be read at the moment, so this is what the policy alone would let you do: " + runner.Explain(err))
		answer.Blocks = append(note.Blocks, answer.Blocks...)
	}
	return r.reply(ctx, answer)
}

// why replies which rule or permission decides about an operation.
func (r *request) why(ctx context.Context, c command.Command) error {
	input, err := c.JSON()
	if err != nil {
		return r.replyText(ctx, err.Error())
	}
	return r.replyText(ctx, r.Runner.Why(ctx, r.call(c.Op, input)))
}
