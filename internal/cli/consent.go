package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/trace"
	"github.com/vpsbot/vpsbot/permissions"
)

// consent gets the answer that a reply asks for, and passes it to the Runner.
func (r *operationRun) consent(ctx context.Context, call runner.Call, reply runner.Reply) runner.Reply {
	if q := r.missingConsents(ctx, *reply.Record); !q.Own {
		return r.othersFirst(reply, q)
	}
	values, _ := fieldtext.Decode(call.Input) // the Runner has accepted it
	answer := runner.Answer{Approval: reply.Record.ID, Yes: true, Wait: values["wait"] == "true"}
	name := reply.Record.Confirm
	switch answer.Channel = r.answerChannel(ctx, call, *reply.Record); answer.Channel {
	case "":
		return r.unanswerable(ctx, reply)
	case permissions.Script:
		answer.Text = r.typedName
		if !r.output.isJSON() {
			r.io.say("%s\n%s", r.errStyle().card(*reply.Card), byFlag)
		}
	default:
		if name == "" && r.yes {
			break
		}
		if name != "" && (r.yes || r.typedName != "") {
			r.io.say("At a terminal the name is always typed; --yes and --confirm do not spare it.")
		}
		asking, cancel := context.WithTimeout(ctx, reply.Record.ExpiresAt.Sub(r.Now()))
		defer cancel()
		asking, span := trace.Start(asking, "wait for a person")
		text, err := r.io.ask(asking, r.errStyle().card(*reply.Card), toAgree(*reply.Card, reply.Card.Question()))
		span.End()
		if err != nil || text == "" {
			return r.withoutAnswer(ctx, call, reply)
		}
		answer.Text, answer.Yes = text, name != "" || isYes(text)
	}
	if err := r.Authenticate(ctx); err != nil { // the key may have been revoked while the person read
		return runner.Reply{Op: r.op, Class: runner.Refuse, Outcome: runner.Refused, Message: err.Error()}
	}
	reply = r.Runner.Answer(ctx, call, answer)
	if reply.Outcome == runner.ApprovalRequired && reply.Record != nil {
		return r.othersFirst(reply, r.missingConsents(ctx, *reply.Record))
	}
	return reply
}

// byFlag is what a card says below an answer that nobody typed.
const byFlag = "Answered by a flag."

// answerChannel is the channel of a yes that comes from here; empty: none can. A flag is a person's own answer
// at a real terminal, and only in the place of [y/N]: a name is always typed. Any other flag is a script's
// answer, which counts where the policy names the channel script.
func (r *operationRun) answerChannel(ctx context.Context, call runner.Call, rec approval.Record) permissions.Surface {
	flag := r.yes
	if rec.Confirm != "" {
		flag = r.typedName != ""
	}
	carries := func(channel permissions.Surface) bool { return r.Runner.MayCarry(ctx, rec, channel) }
	byScript := flag && call.Actor.IsKey() && carries(permissions.Script)
	byPerson := call.Interactive && carries(permissions.Terminal)
	switch {
	case byPerson && !(byScript && rec.Confirm != ""):
		return permissions.Terminal
	case byScript:
		return permissions.Script
	}
	return ""
}

// unanswerable says where a person can agree to what cannot be answered here.
func (r *operationRun) unanswerable(ctx context.Context, reply runner.Reply) runner.Reply {
	rec := *reply.Record
	if !r.output.isJSON() && reply.Card != nil {
		r.io.say("%s", r.errStyle().card(*reply.Card))
	}
	if !r.Runner.MayCarry(ctx, rec, permissions.Terminal) {
		reply.Message = fmt.Sprintf("the policy takes no answer to this from a terminal. It can be agreed to in: %s (approval %s). "+
			"Then give the same command again, which carries it out", cmp.Or(r.Runner.AnswerChannels(ctx, rec), "nowhere"), rec.ID)
		return reply
	}
	reply.Message = "a person must agree first, and this is no terminal to ask at. " + r.howToAgree(rec)
	if r.AsksInSlack(ctx) && r.Runner.MayCarry(ctx, rec, permissions.Slack) {
		reply.Message += ". It is asked in Slack too"
	}
	if r.yes || r.typedName != "" {
		reply.Message = "no flag answers for a person here; " + reply.Message
	}
	return reply
}

// howToAgree names the command by which a person agrees. A request to the built-in simulator cannot be
// carried out later: the simulator ends with the command.
func (r *operationRun) howToAgree(rec approval.Record) string {
	if r.Config.IsSimulator() {
		return fmt.Sprintf("The built-in simulator ends with this command, so after vpsbot approvals approve %s nothing is there to carry it out: "+
			"type the command at a terminal, or start vpsbot simulator, which lives on, and set VPS_API_URL to its address", runner.AnswerID(rec))
	}
	who := "a person"
	if permissions.Actor(rec.Actor).IsKey() {
		who = "a person with the same access key"
	}
	return fmt.Sprintf("At one, %s runs: vpsbot approvals approve %s and then the same command again, which carries it out", who, runner.AnswerID(rec))
}

func toAgree(card runner.Card, yesNo string) string {
	if card.Confirm != "" {
		return card.Question() + ": "
	}
	return yesNo + " [y/N] "
}

func toDeny(card runner.Card) string {
	if card.Confirm != "" {
		return "Deny this, so that it is not done: type " + card.Confirm + ", or y: "
	}
	return "Deny this, so that it is not done? [y/N] "
}

func isYes(text string) bool {
	text = strings.ToLower(text)
	return text == "y" || text == "yes"
}

// withoutAnswer abandons a request that was made here and nowhere else. No answer is no denial: nothing
// remembers it.
func (r *operationRun) withoutAnswer(ctx context.Context, call runner.Call, reply runner.Reply) runner.Reply {
	ctx = context.WithoutCancel(ctx)
	if r.Runner.AsOfNow(ctx, *reply.Record).State == approval.Expired && r.openStore(ctx) == nil {
		_, _ = r.db.MarkDelivered(ctx, reply.Record.ID, r.Now()) // else the same command tells it again
		reply.Outcome, reply.Card, reply.Message = runner.Expired, nil, "nobody answered in time; nothing was sent. The same command asks again"
		return reply
	}
	r.Runner.Abandon(ctx, call.Actor, reply.Record.ID)
	reply.Message = "no answer was given; nothing was sent. That is no denial: the same command asks again."
	if r.openStore(ctx) != nil {
		return reply
	}
	rec, err := r.db.Record(ctx, reply.Record.ID)
	if err != nil || rec.State.IsOpen() {
		reply.Message = "no answer was given; nothing was sent. That is no denial, and the request stays open: vpsbot approvals approve " + runner.AnswerID(*reply.Record)
		return reply
	}
	reply.Outcome = runner.Declined
	reply.Card = nil
	return reply
}

// missingConsents is whose yes a record waits for. Where that cannot be read the requester is asked: the
// store decides in the end.
func (r *operationRun) missingConsents(ctx context.Context, rec approval.Record) approval.Quorum {
	if rec.Others > 0 && r.openStore(ctx) == nil {
		if consents, err := r.db.Consents(ctx, rec.ID); err == nil {
			return approval.Missing(rec, consents)
		}
	}
	return approval.Quorum{Own: true}
}

// othersFirst says whose consent is missing where that of this process's actor is given or not needed.
func (r *operationRun) othersFirst(reply runner.Reply, q approval.Quorum) runner.Reply {
	reply.Message = fmt.Sprintf("still to agree: %s. They run: vpsbot approvals approve %s; then give the same command again", missingText(*reply.Record, q), runner.AnswerID(*reply.Record))
	return reply
}
