package doctor

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/slackbot"
	"github.com/vpsbot/vpsbot/slackbot/transport"
	"github.com/vpsbot/vpsbot/slackbot/webapi"
)

const (
	copyBotToken = "Copy the Bot User OAuth Token from the app's page OAuth & Permissions into SLACK_BOT_TOKEN."
	makeAppToken = "Make an app-level token with the scope connections:write on the app's page Basic Information, switch Socket Mode on, and set SLACK_APP_TOKEN."
	reinstall    = "In the app's settings replace the manifest by the output of vpsbot slack manifest with %s, and install the app again."
)

// checkSlack finds nothing where no variable of Slack is set.
func (d *doctor) checkSlack(ctx context.Context) []Finding {
	mode, err := d.Config.SlackMode()
	if errors.Is(err, config.ErrNoSlack) {
		return nil
	}
	found := []Finding{d.checkMode(ctx, mode, err)}
	if _, none := d.Config.SlackBotToken()(); err != nil && none != nil {
		return found // it is the same error
	}
	found = append(found, d.checkBot(ctx)...)
	found = append(found, d.checkChannel()...)
	if mode == config.SlackHTTP {
		found = append(found, d.checkPublic(ctx)...)
	}
	return found
}

// checkMode tries the secret of the mode as far as Slack lets one. modeErr is why there is no mode.
func (d *doctor) checkMode(ctx context.Context, mode config.SlackMode, modeErr error) Finding {
	const name = "slack mode"
	switch {
	case modeErr != nil:
		return fail(name, modeErr.Error(), "Correct the variables of Slack; vpsbot serve --help tells them apart.")
	case mode == config.SlackHTTP:
		secret, err := d.Config.SlackSigningSecret()()
		switch {
		case err != nil:
			return fail(name, err.Error(), "Correct SLACK_SIGNING_SECRET.")
		case !config.LooksLikeSigningSecret(secret): // its form is all: Slack takes no request that would prove it
			return warn(name, "HTTP; SLACK_SIGNING_SECRET does not look like one: 32 digits and letters a to f", "Copy the Signing Secret from the app's page Basic Information.")
		}
		return pass(name, "HTTP; SLACK_SIGNING_SECRET is set")
	}
	token, err := d.Config.SlackAppToken()()
	if err != nil {
		return fail(name, err.Error(), makeAppToken)
	}
	reply, err := d.callSlack(ctx, "apps.connections.open", token)
	switch {
	case err != nil:
		return warn(name, fmt.Sprintf("Socket Mode, not tried: Slack %v", err), "Check the network, a proxy, and SLACK_API_URL.")
	case !reply.OK:
		return fail(name, fmt.Sprintf("Slack refuses Socket Mode (%s)", reply.Error), makeAppToken)
	}
	return pass(name, "Socket Mode; Slack accepts connections")
}

// checkBot asks Slack about the bot's token. The answer's headers have the scopes and the time.
func (d *doctor) checkBot(ctx context.Context) []Finding {
	const name = "slack"
	token, err := d.Config.SlackBotToken()()
	if err != nil {
		return []Finding{fail(name, err.Error(), copyBotToken)}
	}
	reply, err := d.callSlack(ctx, "auth.test", token)
	switch {
	case err != nil:
		return []Finding{fail(name, fmt.Sprintf("%s %v", d.Config.SlackURL, err), "Check the network, a proxy, and SLACK_API_URL.")}
	case webapi.TokenRefusal(reply.Error) != "":
		return []Finding{fail(name, "SLACK_BOT_TOKEN: "+webapi.TokenRefusal(reply.Error), copyBotToken)}
	case !reply.OK:
		return []Finding{fail(name, "Slack says "+reply.Error, "Try again later.")}
	}
	bot := pass(name, "%s in %s", reply.User, reply.Team)
	if !strings.HasPrefix(token, "xoxb-") {
		bot = warn(name, "SLACK_BOT_TOKEN does not begin with xoxb-: it is hardly the token of a bot", copyBotToken)
	}
	clock := d.checkClock(reply.date)
	clock.Check, clock.Message = "slack clock", strings.ReplaceAll(clock.Message, "the API", "Slack")
	return []Finding{bot, d.checkScopes(reply), clock}
}

// checkScopes compares the bot's scopes with what every feature and the policy need. It warns of others: a
// bot should have no more than it uses.
func (d *doctor) checkScopes(reply slackReply) Finding {
	const name = "slack scopes"
	if missing := without(slackbot.Features{}.Scopes(), reply.scopes); len(missing) > 0 {
		return fail(name, "missing: "+strings.Join(missing, ", "), fmt.Sprintf(reinstall, "the features you want"))
	}
	if len(slackbot.MentionedGroups(d.Runner.Policy().Book)) > 0 && !slices.Contains(reply.scopes, slackbot.ScopeGroups) {
		return fail(name, "missing: "+slackbot.ScopeGroups+", so nobody is in any of the user groups that the policy names", fmt.Sprintf(reinstall, "--groups"))
	}
	if surplus := without(reply.scopes, slackbot.Features{Files: true, Groups: true}.Scopes()); len(surplus) > 0 {
		return warn(name, "more than vpsbot uses: "+strings.Join(surplus, ", "), "Take these scopes from the app: "+strings.Join(surplus, ", ")+".")
	}
	return pass(name, "%s", strings.Join(reply.scopes, ", "))
}

func (d *doctor) checkChannel() []Finding {
	const name = "slack policy"
	channel := d.Runner.Policy().ApprovalsChannel()
	switch {
	case d.PolicyErr != nil:
		return nil // a finding of its own
	case d.Config.PolicyFile() == "":
		return []Finding{warn(name, "without a policy everybody in the workspace may read, and nobody may change anything", "Write a policy: docs/policy.md has examples; set VPSBOT_POLICY_FILE.")}
	case channel == "":
		return []Finding{warn(name, "the policy names no slack.approvals_channel, so no approver is asked in Slack", "Put the channel's id into the policy, slack: {approvals_channel: C…}, and invite the bot to it.")}
	}
	return []Finding{pass(name, "approvers are asked in %s", channel)}
}

// checkPublic calls vpsbot serve as Slack would: whether it answers, and whether it has the same signing
// secret.
func (d *doctor) checkPublic(ctx context.Context) []Finding {
	const name = "public address"
	public := d.Config.PublicURL
	if public == "" {
		return []Finding{pass(name, "not tried: VPSBOT_PUBLIC_URL is not set")}
	}
	if _, err := config.PublicAddress(public); err != nil {
		return []Finding{warn(name, public+" "+err.Error(), "Set VPSBOT_PUBLIC_URL to the https address of your proxy, the same as in the manifest.")}
	}
	return d.callServe(ctx, public)
}

func (d *doctor) callServe(ctx context.Context, public string) []Finding {
	const name = "public address"
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	const next = "Start vpsbot serve, and let the proxy at VPSBOT_PUBLIC_URL pass /slack/ and /healthz on to VPSBOT_LISTEN."
	resp, body, err := d.send(ctx, http.MethodGet, public+"/healthz", http.Header{}, nil)
	switch {
	case err != nil:
		return []Finding{fail(name, public+" "+unreachable(err), next)}
	case resp.StatusCode != http.StatusOK || string(body) != "ok\n":
		return []Finding{fail(name, fmt.Sprintf("%s answers, but not as vpsbot serve does (status %d)", public, resp.StatusCode), next)}
	}
	return []Finding{pass(name, "%s answers", public), d.checkSigned(ctx, public)}
}

// checkSigned sends vpsbot serve Slack's url_verification, which changes nothing and is answered only if it
// is signed with the same secret.
func (d *doctor) checkSigned(ctx context.Context, public string) Finding {
	const name = "slack secret"
	secret, err := d.Config.SlackSigningSecret()()
	if err != nil {
		return fail(name, err.Error(), "Correct SLACK_SIGNING_SECRET.")
	}
	challenge := rand.Text()
	body, err := json.Marshal(map[string]string{"type": "url_verification", "challenge": challenge})
	if err != nil {
		return fail(name, err.Error(), "")
	}
	headers := transport.SignedHeader(secret, d.env.Clock(), body)
	headers.Set("Content-Type", "application/json")
	resp, answer, err := d.send(ctx, http.MethodPost, public+"/slack/events", headers, body)
	switch {
	case err != nil:
		return fail(name, "a signed request "+unreachable(err), "Let the proxy pass POST /slack/events on, too.")
	case resp.StatusCode == http.StatusUnauthorized:
		return fail(name, "vpsbot serve refuses requests that are signed with SLACK_SIGNING_SECRET: its secret or its clock differs",
			"Start vpsbot serve with the same SLACK_SIGNING_SECRET, and set both clocks.")
	case resp.StatusCode != http.StatusOK || !strings.Contains(string(answer), challenge):
		return fail(name, fmt.Sprintf("a signed request is not answered as vpsbot serve does (status %d)", resp.StatusCode),
			"Let the proxy pass bodies and the headers X-Slack-Signature and X-Slack-Request-Timestamp on as they are.")
	}
	return pass(name, "vpsbot serve accepts requests that are signed with it")
}

// slackReply is an answer of Slack's Web API about the app.
type slackReply struct {
	OK    bool   `json:"ok"`
	Error string `json:"error"`
	User  string `json:"user"`
	Team  string `json:"team"`

	scopes []string // of the token
	date   string
}

// callSlack calls a method that needs nothing but a token. A refusal is a reply; an error means that Slack
// did not answer.
func (d *doctor) callSlack(ctx context.Context, method, token string) (slackReply, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	headers := http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/x-www-form-urlencoded"}}
	resp, raw, err := d.send(ctx, http.MethodPost, d.Config.SlackURL+method, headers, nil)
	if resp == nil {
		return slackReply{}, errors.New(unreachable(err))
	}
	reply := slackReply{
		date:   resp.Header.Get("Date"),
		scopes: strings.FieldsFunc(resp.Header.Get("X-Oauth-Scopes"), func(c rune) bool { return c == ',' || c == ' ' }),
	}
	err = json.Unmarshal(raw, &reply)
	switch {
	case resp.StatusCode != http.StatusOK:
		return slackReply{}, fmt.Errorf("answers with status %d", resp.StatusCode)
	case err != nil:
		return slackReply{}, errors.New("answers, but not as Slack's API does")
	}
	reply.Error, reply.User, reply.Team = text.Clean(reply.Error), text.Clean(reply.User), text.Clean(reply.Team)
	return reply, nil
}

func without(scopes, others []string) []string {
	return slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return slices.Contains(others, scope) })
}
