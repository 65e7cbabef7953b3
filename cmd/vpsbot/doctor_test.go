package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/doctor"
	"github.com/vpsbot/vpsbot/internal/fakeslack"
)

// findings returns the findings of doctor by check.
func (b *sandbox) findings(t *testing.T) map[string]doctor.Finding {
	t.Helper()
	out, errs, _ := b.run(t.Context(), "doctor", "--json")
	for _, name := range []string{"SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN"} {
		if b.env[name] != "" {
			require.NotContains(t, out+errs, b.env[name])
		}
	}
	var d doctor.Diagnosis
	require.NoError(t, json.Unmarshal([]byte(out), &d), out)
	found := map[string]doctor.Finding{}
	for _, f := range d.Findings {
		found[f.Check] = f
	}
	return found
}

func TestDoctorWithoutSlack(t *testing.T) {
	t.Parallel()
	for name := range newSandbox(t).findings(t) {
		require.NotContains(t, name, "slack")
	}
}

func TestDoctorChecksSlack(t *testing.T) {
	t.Parallel()
	for mode, socket := range map[string]bool{"HTTP; SLACK_SIGNING_SECRET is set": false, "Socket Mode; Slack accepts connections": true} {
		b := newSandbox(t)
		slack := fakeslack.New(t, fakeslack.Options{
			SigningSecret: "8f742231b10e8888abcd998887770a51", Scopes: []string{"commands", "chat:write", "files:write"},
		})
		b.pointTo(slack, socket)
		b.policyFile(t, approvalsPolicy)
		found := b.findings(t)
		for check, message := range map[string]string{
			"slack mode": mode, "slack": "vpsbot in fake", "slack scopes": "commands, chat:write, files:write",
			"slack clock": "within 1s of Slack's", "slack policy": "approvers are asked in C0APPROVE1",
		} {
			require.Equal(t, doctor.Finding{Check: check, Status: doctor.StatusOK, Message: message}, found[check])
		}
	}
}

func TestDoctorFindsSlackFaults(t *testing.T) {
	t.Parallel()
	groups := strings.Replace(approvalsPolicy, "rules:", "groups:\n  oncall: {slack_groups: [S0614TZR7]}\nrules:\n  - {name: on-call reads, effect: allow, who: [oncall], risks: [read]}", 1)
	for name, test := range map[string]struct {
		socket bool
		change func(*sandbox, *fakeslack.Slack)
		policy string
		bot    string // the token
		scopes []string
		check  string
		status string
		says   string
		next   string
	}{
		"a wrong token": {
			change: func(_ *sandbox, s *fakeslack.Slack) { s.Fail("auth.test", fakeslack.Fault{Error: "invalid_auth"}) },
			check:  "slack", status: doctor.StatusFail, says: "Slack refuses it (invalid_auth)", next: "Bot User OAuth Token",
		},
		"a token of a person, which Slack accepts": {
			bot: "xoxp-17653672481-of-a-person", check: "slack", status: doctor.StatusWarn, says: "does not begin with xoxb-",
		},
		"a Slack that is away": {
			change: func(_ *sandbox, s *fakeslack.Slack) { s.Down(true) },
			check:  "slack", status: doctor.StatusFail, says: "cannot be reached", next: "SLACK_API_URL",
		},
		"a Slack that is broken": {
			change: func(_ *sandbox, s *fakeslack.Slack) { s.Fail("auth.test", fakeslack.Fault{Status: 500}) },
			check:  "slack", status: doctor.StatusFail, says: "answers with status 500",
		},
		"no such file": {
			change: func(b *sandbox, _ *fakeslack.Slack) {
				b.env["SLACK_BOT_TOKEN"], b.env["SLACK_BOT_TOKEN_FILE"] = "", "/not/there"
			},
			check: "slack", status: doctor.StatusFail, says: "SLACK_BOT_TOKEN_FILE: the file /not/there cannot be read",
		},
		"both modes": {
			change: func(b *sandbox, _ *fakeslack.Slack) { b.env["SLACK_APP_TOKEN"] = "xapp-1-hushhush" },
			check:  "slack mode", status: doctor.StatusFail, says: "are both set", next: "vpsbot serve --help",
		},
		"no bot token": {
			change: func(b *sandbox, _ *fakeslack.Slack) { b.env["SLACK_BOT_TOKEN"] = "" },
			check:  "slack mode", status: doctor.StatusFail, says: "SLACK_BOT_TOKEN is not set, and Slack needs it",
		},
		"an app token that is a bot token": {
			socket: true, change: func(b *sandbox, _ *fakeslack.Slack) { b.env["SLACK_APP_TOKEN"] = b.env["SLACK_BOT_TOKEN"] },
			check: "slack mode", status: doctor.StatusFail, says: "SLACK_APP_TOKEN begins with xox: it is a secret for SLACK_BOT_TOKEN, and is not sent", next: "connections:write",
		},
		"an app token that Slack refuses": {
			socket: true, change: func(b *sandbox, _ *fakeslack.Slack) { b.env["SLACK_APP_TOKEN"] = "xapp-1-of-another" },
			check: "slack mode", status: doctor.StatusFail, says: "Slack refuses Socket Mode (", next: "connections:write",
		},
		"the token of VPS.org in the bot's place": {
			change: func(b *sandbox, _ *fakeslack.Slack) { b.env["SLACK_BOT_TOKEN"] = "vps_demo" },
			check:  "slack", status: doctor.StatusFail, says: "SLACK_BOT_TOKEN begins with vps_: it is a secret for VPS_API_TOKEN, and is not sent", next: "OAuth",
		},
		"a signing secret that is none": {
			change: func(b *sandbox, _ *fakeslack.Slack) { b.env["SLACK_SIGNING_SECRET"] = "the-secret" },
			check:  "slack mode", status: doctor.StatusWarn, says: "does not look like one", next: "Basic Information",
		},
		"scopes that are missing": {
			scopes: []string{"commands"}, check: "slack scopes", status: doctor.StatusFail, says: "missing: chat:write", next: "vpsbot slack manifest",
		},
		"user groups without their scope": {
			scopes: []string{"commands", "chat:write"}, policy: groups,
			check: "slack scopes", status: doctor.StatusFail, says: "missing: usergroups:read", next: "--groups",
		},
		"more scopes than are used": {
			scopes: []string{"commands", "chat:write", "channels:history"},
			check:  "slack scopes", status: doctor.StatusWarn, says: "more than vpsbot uses: channels:history", next: "channels:history",
		},
		"no policy":  {check: "slack policy", status: doctor.StatusWarn, says: "nobody may change anything", next: "VPSBOT_POLICY_FILE"},
		"no channel": {policy: twoDelete, check: "slack policy", status: doctor.StatusWarn, says: "no slack.approvals_channel", next: "approvals_channel"},
		"an address of this machine": {
			change: func(b *sandbox, _ *fakeslack.Slack) { b.env["VPSBOT_PUBLIC_URL"] = "http://127.0.0.1:8484" },
			check:  "public address", status: doctor.StatusWarn, says: "Slack cannot reach", next: "https",
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newSandbox(t)
			slack := fakeslack.New(t, fakeslack.Options{BotToken: test.bot, Scopes: test.scopes})
			b.pointTo(slack, test.socket)
			if test.change != nil {
				test.change(b, slack)
			}
			if test.policy != "" {
				b.policyFile(t, test.policy)
			}
			f := b.findings(t)[test.check]
			require.Equal(t, test.status, f.Status, "%+v", f)
			require.Contains(t, f.Message, test.says)
			require.Contains(t, f.Next, test.next)
		})
	}
}

// Two findings with the same next step list it once.
func TestDoctorListsEachStepOnce(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.env["SLACK_BOT_TOKEN"], b.env["SLACK_APP_TOKEN"], b.env["SLACK_API_URL"] = "xoxb-1-a", "xapp-1-a", "http://127.0.0.1:1/api/"
	out, _, _ := b.run(t.Context(), "doctor")
	require.Equal(t, 1, strings.Count(out, "Check the network, a proxy, and SLACK_API_URL."), out)
}
