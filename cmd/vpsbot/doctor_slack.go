package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot"
)

const (
	copyBotToken = "Copy the Bot User OAuth Token from the app's page OAuth & Permissions into SLACK_BOT_TOKEN."
	reinstall    = "In the app's settings replace the manifest by the output of vpsbot slack manifest with %s, and install the app again."
)

// slackDoctor goes through what serve needs of Slack.
type slackDoctor struct {
	*app
	parts  *parts
	client *http.Client
	mode   config.SlackMode
}

// checkSlack has nothing to say where nothing of Slack is set.
func (a *app) checkSlack(ctx context.Context, p *parts) []finding {
	mode, err := p.config.SlackMode()
	if errors.Is(err, config.ErrNoSlack) {
		return nil
	}
	d := slackDoctor{app: a, parts: p, client: slackClient(), mode: mode}
	found := []finding{d.checkMode(ctx, err)}
	if _, none := p.config.SlackBotToken()(); err != nil && none != nil {
		return found // the same once more
	}
	found = append(found, d.checkBot(ctx)...)
	found = append(found, d.checkPolicy()...)
	if mode == config.SlackHTTP {
		found = append(found, d.checkPublic(ctx)...)
	}
	return found
}

// checkMode tries the secret of the mode as far as Slack lets one; unclear is why there is no mode.
func (d slackDoctor) checkMode(ctx context.Context, unclear error) finding {
	const name = "slack mode"
	switch {
	case unclear != nil:
		return broken(name, unclear.Error(), "Correct the variables of Slack; vpsbot serve --help tells them apart.")
	case d.mode == config.SlackHTTP:
		return d.checkSecret()
	}
	token, err := d.parts.config.SlackAppToken()()
	if err != nil {
		return broken(name, err.Error(), "Correct SLACK_APP_TOKEN.")
	}
	const next = "Make an app-level token with the scope connections:write on the app's page Basic Information, switch Socket Mode on, and set SLACK_APP_TOKEN."
	reply, err := d.ask(ctx, "apps.connections.open", token)
	switch {
	case err != nil:
		return warn(name, fmt.Sprintf("Socket Mode, not tried: Slack %v", err), "Check the network, a proxy, and SLACK_API_URL.")
	case !reply.OK:
		says := fmt.Sprintf("Slack refuses Socket Mode (%s)", reply.Error)
		if !config.LooksLikeAppToken(token) {
			says += "; SLACK_APP_TOKEN does not begin with xapp-"
		}
		return broken(name, says, next)
	}
	return fine(name, "Socket Mode; Slack gives connections")
}

// checkSecret cannot ask Slack: nobody can but by a signed request.
func (d slackDoctor) checkSecret() finding {
	const name = "slack mode"
	secret, err := d.parts.config.SlackSigningSecret()()
	switch {
	case err != nil:
		return broken(name, err.Error(), "Correct SLACK_SIGNING_SECRET.")
	case !config.LooksLikeSigningSecret(secret):
		return warn(name, "HTTP; SLACK_SIGNING_SECRET does not look like one: 32 digits and letters a to f", "Copy the Signing Secret from the app's page Basic Information.")
	}
	return fine(name, "HTTP; SLACK_SIGNING_SECRET is set")
}

// checkBot asks Slack about the bot's token. The answer has the scopes too, and the time.
func (d slackDoctor) checkBot(ctx context.Context) []finding {
	const name = "slack"
	token, err := d.parts.config.SlackBotToken()()
	if err != nil {
		return []finding{broken(name, err.Error(), copyBotToken)}
	}
	reply, err := d.ask(ctx, "auth.test", token)
	switch {
	case err != nil:
		return []finding{broken(name, fmt.Sprintf("%s %v", d.parts.config.SlackURL, err), "Check the network, a proxy, and SLACK_API_URL.")}
	case reply.refusal() != "":
		return []finding{broken(name, "SLACK_BOT_TOKEN: "+reply.refusal(), copyBotToken)}
	case !reply.OK:
		return []finding{broken(name, "Slack says "+reply.Error, "Try again later.")}
	}
	who := fine(name, "%s in %s", reply.User, reply.Team)
	if !config.LooksLikeBotToken(token) {
		who = warn(name, "SLACK_BOT_TOKEN does not begin with xoxb-: it is hardly the token of a bot", copyBotToken)
	}
	return []finding{who, d.checkScopes(reply), d.checkTime(reply.date)}
}

// checkScopes wants what all needs, and what the policy needs. What else there is, is told: a bot
// should have no more than it uses.
func (d slackDoctor) checkScopes(reply slackReply) finding {
	const name = "slack scopes"
	always := reply.missing(slackbot.Features{}.Scopes())
	if len(always) > 0 {
		return broken(name, "missing: "+strings.Join(always, ", "), fmt.Sprintf(reinstall, "the features you want"))
	}
	if namesGroups(d.parts.runner.Policy()) && len(reply.missing([]string{slackbot.ScopeGroups})) > 0 {
		return broken(name, "missing: "+slackbot.ScopeGroups+", so nobody is in any of the user groups that the policy names", fmt.Sprintf(reinstall, "--groups"))
	}
	all := slackbot.Features{Files: true, Groups: true}.Scopes()
	surplus := slices.DeleteFunc(slices.Clone(reply.scopes), func(s string) bool { return slices.Contains(all, s) })
	if len(surplus) > 0 {
		return warn(name, "more than vpsbot uses: "+strings.Join(surplus, ", "), "Take these scopes from the app: "+strings.Join(surplus, ", ")+".")
	}
	return fine(name, "%s", strings.Join(reply.scopes, ", "))
}

func (d slackDoctor) checkTime(date string) finding {
	f := d.checkClock(date)
	f.Check, f.Message = "slack clock", strings.ReplaceAll(f.Message, "the API", "Slack")
	return f
}

// checkPolicy looks for what the policy must say so that others can be asked.
func (d slackDoctor) checkPolicy() []finding {
	const name = "slack policy"
	switch {
	case d.parts.policyErr != nil:
		return nil // that is told already
	case d.parts.config.PolicyFile() == "":
		return []finding{warn(name, "without a policy everybody in the workspace may read, and nobody may change anything", "Write a policy: docs/policy.md has examples; set VPSBOT_POLICY_FILE.")}
	case approvalsChannel(d.parts.runner.Policy()) == "":
		return []finding{warn(name, "the policy names no slack.approvals_channel, so nobody is asked in Slack for others", "Put the channel's id into the policy, slack: {approvals_channel: C…}, and invite the bot to it.")}
	}
	return []finding{fine(name, "others are asked in %s", approvalsChannel(d.parts.runner.Policy()))}
}

// namesGroups reports whether a policy knows user groups of Slack's.
func namesGroups(policy permissions.Policy) bool {
	if policy.Book == nil {
		return false
	}
	for _, g := range policy.Book.Groups {
		if len(g.SlackGroups) > 0 {
			return true
		}
	}
	for _, rule := range policy.Book.Rules {
		who := rule.Who
		if rule.Approvers != nil {
			who = slices.Concat(who, rule.Approvers.Who)
		}
		if slices.ContainsFunc(who, func(p permissions.Principal) bool { return strings.HasPrefix(string(p), "slack-group:") }) {
			return true
		}
	}
	return false
}

func (d slackDoctor) ask(ctx context.Context, method, token string) (slackReply, error) {
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	return askSlack(ctx, d.client, d.parts.config.SlackURL, method, token)
}
