package doctor

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot"
	"github.com/vpsbot/vpsbot/slackbot/webapi"
)

const (
	copyBotToken = "Copy the Bot User OAuth Token from the app's page OAuth & Permissions into SLACK_BOT_TOKEN."
	reinstall    = "In the app's settings replace the manifest by the output of vpsbot slack manifest with %s, and install the app again."
)

// slackDoctor checks what vpsbot serve needs of Slack.
type slackDoctor struct {
	*doctor
	client *http.Client
}

// checkSlack finds nothing where no variable of Slack is set.
func (d *doctor) checkSlack(ctx context.Context) []Finding {
	mode, err := d.Config.SlackMode()
	if errors.Is(err, config.ErrNoSlack) {
		return nil
	}
	s := slackDoctor{d, app.SlackClient()}
	found := []Finding{s.checkMode(ctx, mode, err)}
	if _, none := d.Config.SlackBotToken()(); err != nil && none != nil {
		return found // it is the same error
	}
	found = append(found, s.checkBot(ctx)...)
	found = append(found, s.checkChannel()...)
	if mode == config.SlackHTTP {
		found = append(found, s.checkPublic(ctx)...)
	}
	return found
}

// checkMode tries the secret of the mode as far as Slack lets one. modeErr is why there is no mode.
func (s slackDoctor) checkMode(ctx context.Context, mode config.SlackMode, modeErr error) Finding {
	const name = "slack mode"
	switch {
	case modeErr != nil:
		return fail(name, modeErr.Error(), "Correct the variables of Slack; vpsbot serve --help tells them apart.")
	case mode == config.SlackHTTP:
		return s.checkSecret()
	}
	token, err := s.Config.SlackAppToken()()
	if err != nil {
		return fail(name, err.Error(), "Correct SLACK_APP_TOKEN.")
	}
	reply, err := callSlack(ctx, s.client, s.Config.SlackURL+"apps.connections.open", token)
	switch {
	case err != nil:
		return warn(name, fmt.Sprintf("Socket Mode, not tried: Slack %v", err), "Check the network, a proxy, and SLACK_API_URL.")
	case !reply.OK:
		message := fmt.Sprintf("Slack refuses Socket Mode (%s)", reply.Error)
		if !config.LooksLikeAppToken(token) {
			message += "; SLACK_APP_TOKEN does not begin with xapp-"
		}
		return fail(name, message,
			"Make an app-level token with the scope connections:write on the app's page Basic Information, switch Socket Mode on, and set SLACK_APP_TOKEN.")
	}
	return pass(name, "Socket Mode; Slack accepts connections")
}

// checkSecret checks the form of the signing secret alone: Slack takes no request that would prove it.
func (s slackDoctor) checkSecret() Finding {
	const name = "slack mode"
	secret, err := s.Config.SlackSigningSecret()()
	switch {
	case err != nil:
		return fail(name, err.Error(), "Correct SLACK_SIGNING_SECRET.")
	case !config.LooksLikeSigningSecret(secret):
		return warn(name, "HTTP; SLACK_SIGNING_SECRET does not look like one: 32 digits and letters a to f", "Copy the Signing Secret from the app's page Basic Information.")
	}
	return pass(name, "HTTP; SLACK_SIGNING_SECRET is set")
}

// checkBot asks Slack about the bot's token. The answer's headers have the scopes and the time.
func (s slackDoctor) checkBot(ctx context.Context) []Finding {
	const name = "slack"
	token, err := s.Config.SlackBotToken()()
	if err != nil {
		return []Finding{fail(name, err.Error(), copyBotToken)}
	}
	reply, err := callSlack(ctx, s.client, s.Config.SlackURL+"auth.test", token)
	switch {
	case err != nil:
		return []Finding{fail(name, fmt.Sprintf("%s %v", s.Config.SlackURL, err), "Check the network, a proxy, and SLACK_API_URL.")}
	case webapi.TokenRefusal(reply.Error) != "":
		return []Finding{fail(name, "SLACK_BOT_TOKEN: "+webapi.TokenRefusal(reply.Error), copyBotToken)}
	case !reply.OK:
		return []Finding{fail(name, "Slack says "+reply.Error, "Try again later.")}
	}
	bot := pass(name, "%s in %s", reply.User, reply.Team)
	if !config.LooksLikeBotToken(token) {
		bot = warn(name, "SLACK_BOT_TOKEN does not begin with xoxb-: it is hardly the token of a bot", copyBotToken)
	}
	clock := s.checkClock(reply.date)
	clock.Check, clock.Message = "slack clock", strings.ReplaceAll(clock.Message, "the API", "Slack")
	return []Finding{bot, s.checkScopes(reply), clock}
}

// checkScopes compares the bot's scopes with what every feature and the policy need. It warns of others: a
// bot should have no more than it uses.
func (s slackDoctor) checkScopes(reply slackReply) Finding {
	const name = "slack scopes"
	if missing := reply.missingScopes(slackbot.Features{}.Scopes()); len(missing) > 0 {
		return fail(name, "missing: "+strings.Join(missing, ", "), fmt.Sprintf(reinstall, "the features you want"))
	}
	if namesSlackGroups(s.Runner.Policy()) && len(reply.missingScopes([]string{slackbot.ScopeGroups})) > 0 {
		return fail(name, "missing: "+slackbot.ScopeGroups+", so nobody is in any of the user groups that the policy names", fmt.Sprintf(reinstall, "--groups"))
	}
	all := slackbot.Features{Files: true, Groups: true}.Scopes()
	surplus := slices.DeleteFunc(slices.Clone(reply.scopes), func(scope string) bool { return slices.Contains(all, scope) })
	if len(surplus) > 0 {
		return warn(name, "more than vpsbot uses: "+strings.Join(surplus, ", "), "Take these scopes from the app: "+strings.Join(surplus, ", ")+".")
	}
	return pass(name, "%s", strings.Join(reply.scopes, ", "))
}

// checkChannel checks that the policy names the channel in which approvers are asked.
func (s slackDoctor) checkChannel() []Finding {
	const name = "slack policy"
	channel := s.Runner.Policy().ApprovalsChannel()
	switch {
	case s.PolicyErr != nil:
		return nil // a finding of its own
	case s.Config.PolicyFile() == "":
		return []Finding{warn(name, "without a policy everybody in the workspace may read, and nobody may change anything", "Write a policy: docs/policy.md has examples; set VPSBOT_POLICY_FILE.")}
	case channel == "":
		return []Finding{warn(name, "the policy names no slack.approvals_channel, so no approver is asked in Slack", "Put the channel's id into the policy, slack: {approvals_channel: C…}, and invite the bot to it.")}
	}
	return []Finding{pass(name, "approvers are asked in %s", channel)}
}

// namesSlackGroups reports whether a policy names user groups of Slack.
func namesSlackGroups(policy permissions.Policy) bool {
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

// checkPublic calls vpsbot serve as Slack would: whether it answers, and whether it has the same signing
// secret.
func (s slackDoctor) checkPublic(ctx context.Context) []Finding {
	const name = "public address"
	public := s.Config.PublicURL
	if public == "" {
		return []Finding{pass(name, "not tried: VPSBOT_PUBLIC_URL is not set")}
	}
	if _, err := config.PublicAddress(public); err != nil {
		return []Finding{warn(name, public+" "+err.Error(), "Set VPSBOT_PUBLIC_URL to the https address of your proxy, the same as in the manifest.")}
	}
	return s.callServe(ctx, public)
}

func (s slackDoctor) callServe(ctx context.Context, public string) []Finding {
	const name = "public address"
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	const next = "Start vpsbot serve, and let the proxy at VPSBOT_PUBLIC_URL pass /slack/ and /healthz on to VPSBOT_LISTEN."
	status, body, err := s.exchange(ctx, public+"/healthz", "", nil)
	switch {
	case err != nil:
		return []Finding{fail(name, public+" "+unreachable(err), next)}
	case status != http.StatusOK || body != "ok\n":
		return []Finding{fail(name, fmt.Sprintf("%s answers, but not as vpsbot serve does (status %d)", public, status), next)}
	}
	return []Finding{pass(name, "%s answers", public), s.checkSigned(ctx, public)}
}

// checkSigned sends vpsbot serve Slack's url_verification, which changes nothing and is answered only if it
// is signed with the same secret.
func (s slackDoctor) checkSigned(ctx context.Context, public string) Finding {
	const name = "slack secret"
	secret, err := s.Config.SlackSigningSecret()()
	if err != nil {
		return fail(name, err.Error(), "Correct SLACK_SIGNING_SECRET.")
	}
	challenge := rand.Text()
	body, err := json.Marshal(map[string]string{"type": "url_verification", "challenge": challenge})
	if err != nil {
		return fail(name, err.Error(), "")
	}
	status, answer, err := s.exchange(ctx, public+"/slack/events", secret, body)
	switch {
	case err != nil:
		return fail(name, "a signed request "+unreachable(err), "Let the proxy pass POST /slack/events on, too.")
	case status == http.StatusUnauthorized:
		return fail(name, "vpsbot serve refuses requests that are signed with SLACK_SIGNING_SECRET: its secret or its clock differs",
			"Start vpsbot serve with the same SLACK_SIGNING_SECRET, and set both clocks.")
	case status != http.StatusOK || !strings.Contains(answer, challenge):
		return fail(name, fmt.Sprintf("a signed request is not answered as vpsbot serve does (status %d)", status),
			"Let the proxy pass bodies and the headers X-Slack-Signature and X-Slack-Request-Timestamp on as they are.")
	}
	return pass(name, "vpsbot serve accepts requests that are signed with it")
}

// exchange makes one request: a GET without a body, or else a POST that is signed with secret.
func (s slackDoctor) exchange(ctx context.Context, url, secret string, body []byte) (status int, answer string, err error) {
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(string(body)))
	if err != nil {
		return 0, "", err
	}
	if body != nil {
		stamp := strconv.FormatInt(s.env.Clock().Unix(), 10)
		mac := hmac.New(sha256.New, []byte(secret))
		fmt.Fprintf(mac, "v0:%s:%s", stamp, body)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Slack-Request-Timestamp", stamp)
		req.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	return resp.StatusCode, string(raw), err
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
func callSlack(ctx context.Context, client *http.Client, url, token string) (slackReply, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, http.NoBody)
	if err != nil {
		return slackReply{}, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := client.Do(req)
	if err != nil {
		return slackReply{}, errors.New(unreachable(err))
	}
	defer resp.Body.Close()
	reply := slackReply{date: resp.Header.Get("Date")}
	for scope := range strings.SplitSeq(resp.Header.Get("X-Oauth-Scopes"), ",") {
		if scope = strings.TrimSpace(scope); scope != "" {
			reply.scopes = append(reply.scopes, scope)
		}
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, maxReply)).Decode(&reply)
	switch {
	case resp.StatusCode != http.StatusOK:
		return slackReply{}, fmt.Errorf("answers with status %d", resp.StatusCode)
	case err != nil:
		return slackReply{}, errors.New("answers, but not as Slack's API does")
	}
	reply.Error, reply.User, reply.Team = text.Clean(reply.Error), text.Clean(reply.User), text.Clean(reply.Team)
	return reply, nil
}

// missingScopes lists the scopes that are needed and that the token lacks.
func (r slackReply) missingScopes(needed []string) []string {
	return slices.DeleteFunc(slices.Clone(needed), func(scope string) bool { return slices.Contains(r.scopes, scope) })
}
