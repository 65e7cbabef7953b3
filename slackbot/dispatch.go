package slackbot

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/command"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/trace"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/slackbot/transport"
	"github.com/vpsbot/vpsbot/tools"
)

func (b *Bot) dispatch(ctx context.Context, d transport.Delivery) error {
	ctx, span := b.Runner.Tracer.Begin(ctx, trace.Server, "slack "+string(d.Kind))
	defer span.End()
	r, p, err := b.newRequest(ctx, d)
	switch {
	case err != nil:
		return err
	case d.Kind == transport.Command:
		return r.command(ctx)
	case r.user == "":
		return nil
	case p.Type == "block_actions" && len(p.Actions) > 0:
		return r.press(ctx, p)
	case p.Type == "view_submission":
		return r.submit(ctx, p.View)
	case p.Event.Type == "app_home_opened" && p.Event.Tab == "home":
		return r.home(ctx, r.storedPage(p.Event.View))
	}
	return nil
}

// apologize tells the sender of a delivery that it was not carried out in time.
func (b *Bot) apologize(ctx context.Context, d transport.Delivery) error {
	r, _, err := b.newRequest(ctx, d)
	if err != nil || r.user == "" || d.Kind == transport.Event {
		return err
	}
	r.responseURL = "" // its message is long out of sight
	return r.replyText(ctx, "vpsbot was away, and did not carry out what you sent. Please send it again, if you still want it.")
}

func (r *request) command(ctx context.Context) error {
	c, err := command.Parse(r.Runner.Catalogue, r.typed)
	var wrong *command.ParseError
	switch {
	case errors.As(err, &wrong):
		return r.suggestCommand(ctx, wrong)
	case err != nil:
		return r.replyText(ctx, err.Error())
	}
	switch c.Kind {
	case command.Operation:
		if len(c.Missing()) > 0 {
			return form{r, c}.ask(ctx)
		}
		return r.run(ctx, c)
	case command.Why:
		return r.why(ctx, c)
	case command.Approvals:
		return r.listApprovals(ctx, c)
	case command.Audit:
		return r.listAudit(ctx, c)
	case command.Freeze, command.Unfreeze:
		return r.freeze(ctx, c)
	}
	return r.help(ctx, c)
}

// suggestCommand replies the parse error. A button runs the suggestion if it only reads.
func (r *request) suggestCommand(ctx context.Context, wrong *command.ParseError) error {
	c := wrong.Suggestion
	if c == nil {
		return r.reply(ctx, blocks.Suggest(wrong.Message, "", ""))
	}
	var token blocks.Token
	if c.Kind == command.Operation && c.IsRead() && len(c.Missing()) == 0 {
		token = r.readToken(*c)
	}
	return r.reply(ctx, blocks.Suggest(wrong.Message, c.String(), token))
}

func (r *request) press(ctx context.Context, p payload) error {
	a := p.Actions[0]
	r.atHome = p.View.Type == "home"
	switch a.ActionID {
	case blocks.ActConfirm:
		return r.thenHome(ctx, r.agree(ctx, a.Value, false))
	case blocks.ActApprove:
		return r.thenHome(ctx, r.agree(ctx, a.Value, true))
	case blocks.ActCancel:
		return r.thenHome(ctx, r.decline(ctx, a.Value, ""))
	case blocks.ActDeny:
		return r.askReason(ctx, a.Value)
	case blocks.ActPage, blocks.ActPrev, blocks.ActCSV, blocks.ActSuggest:
		return r.pressedRead(ctx, a)
	case blocks.ActHomePage, blocks.ActHomePrev, blocks.ActHomeFilter, blocks.ActRefresh:
		return r.pressedHome(ctx, a, p.View)
	}
	return nil
}

func (r *request) submit(ctx context.Context, w view) error {
	switch w.CallbackID {
	case blocks.CallbackName, blocks.CallbackDeny:
		return r.thenHome(ctx, r.submitAnswer(ctx, w))
	case blocks.CallbackForm:
		return r.submitForm(ctx, w)
	}
	return nil
}

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
