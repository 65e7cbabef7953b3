package app

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/keys"
	"github.com/vpsbot/vpsbot/internal/liveness"
	"github.com/vpsbot/vpsbot/internal/profile"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/permissions"
)

// environment is a Linux machine with these variables.
func environment(variables map[string]string) *Environment {
	env := NewEnvironment(envconfig.MapLookuper(variables), io.Discard)
	env.GOOS, env.OneUser = "linux", false
	return env
}

func policyFile(t *testing.T, policy string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(path, []byte(policy), 0o600))
	return path
}

func TestLocalActorIsNotAVariable(t *testing.T) {
	before := LocalActor()
	t.Setenv("USER", "mallory")
	t.Setenv("LOGNAME", "mallory")
	require.Equal(t, before, LocalActor())
	require.NotEqual(t, permissions.Local("mallory"), before)
	require.NotEmpty(t, before)
}

// A policy that cannot be read allows nothing, also where its error is not looked at.
func TestAnInvalidPolicyRefusesEverybody(t *testing.T) {
	t.Parallel()
	a, err := New(t.Context(), environment(map[string]string{"VPSBOT_POLICY_FILE": filepath.Join(t.TempDir(), "none")}))
	require.NoError(t, err)
	require.ErrorContains(t, a.PolicyErr, "VPSBOT_POLICY_FILE: the policy file cannot be read")
	read := permissions.Ask{Actor: "local:alice", Surface: permissions.Terminal, Operation: "servers.list", Risk: permissions.Read}
	require.False(t, a.Runner.Policy().Decide(read).Allowed)
}

// In a user namespace all local users count as one person, with a policy file and without.
func TestLocalUsersInAUserNamespaceAreOnePerson(t *testing.T) {
	t.Parallel()
	file := policyFile(t, "version: 1\npeople:\n- {id: ann, local: [ann]}\n- {id: ben, local: [ben]}\nrules:\n- {name: ann, effect: allow, who: [ann]}\n")
	for _, path := range []string{"", file} {
		for _, inside := range []bool{false, true} {
			env := environment(map[string]string{"VPSBOT_POLICY_FILE": path})
			env.OneUser = inside
			a, err := New(t.Context(), env)
			require.NoError(t, err)
			ann, _ := a.Runner.Policy().Person("local:ann")
			ben, _ := a.Runner.Policy().Person("local:ben")
			require.Equal(t, inside, ann == ben, path)
		}
	}
}

// A store that does not answer ends no service; a key of another actor does.
func TestVerifyIdentity(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "v.db"))
	require.NoError(t, err)
	defer db.Close()
	add := func(name string) string {
		secret, hash, err := keys.New(rand.Reader)
		require.NoError(t, err)
		require.NoError(t, db.Add(t.Context(), keys.Key{Name: name, Hash: hash, CreatedAt: time.Now()}, audit.Row{At: time.Now(), Operation: "keys.create", Decision: audit.Allowed}))
		return secret
	}
	lead, second := add("lead-laptop"), add("second-laptop")
	secret, asked := lead, false
	a := &App{Now: time.Now, Actor: "key:lead-laptop", key: func() (string, error) { return secret, nil }, Store: &Store{opened: db}}
	require.NoError(t, a.verifyIdentity(t.Context()))
	secret = second
	require.ErrorContains(t, a.verifyIdentity(t.Context()), "now that of key:second-laptop")
	secret = "vpsbot_nobody"
	require.Error(t, a.verifyIdentity(t.Context()))
	secret = lead
	a.Store = &Store{url: func() (string, error) { asked = true; return "", errors.New("gone") }}
	require.NoError(t, a.verifyIdentity(t.Context()))
	require.True(t, asked)
}

// The token and the access key are redacted in the log, wherever they come from.
func TestTheLogIsRedacted(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte("vpsbot_hush\n"), 0o600))
	for _, variables := range []map[string]string{
		{"VPS_API_TOKEN": "vps_hush", "VPSBOT_KEY": "vpsbot_hush"},
		{"VPS_API_TOKEN": "vps_hush", "VPSBOT_KEY_FILE": file, "VPSBOT_LOG_FORMAT": "json"},
	} {
		var out bytes.Buffer
		variables["VPSBOT_LOG_LEVEL"] = "warn"
		env := NewEnvironment(envconfig.MapLookuper(variables), &out)
		cfg, err := env.Config(t.Context())
		require.NoError(t, err)
		log := env.logger(cfg)
		log.Info("vps_hush")
		require.Empty(t, out.String())
		log.With("a", "vpsbot_hush").Warn("vps_hush", "b", "vps_hush vpsbot_hush")
		require.NotContains(t, out.String(), "hush")
		require.Equal(t, 4, strings.Count(out.String(), "[redacted]"))
		require.Equal(t, variables["VPSBOT_LOG_FORMAT"] == "json", strings.HasPrefix(out.String(), "{"))
	}
}

// Without an approvals channel nobody can be asked in Slack, whatever the store says.
func TestNobodyIsAskedInSlackWithoutAChannel(t *testing.T) {
	t.Parallel()
	const rules = "version: 1\nrules: [{name: all, effect: allow, who: ['*'], risks: [read]}]\n"
	now, home := time.Now(), t.TempDir()
	open := func(policy string) *App {
		env := environment(map[string]string{"VPSBOT_POLICY_FILE": policyFile(t, policy), "XDG_STATE_HOME": home})
		env.Clock = func() time.Time { return now }
		a, err := New(t.Context(), env)
		require.NoError(t, err)
		require.NoError(t, a.PolicyErr)
		t.Cleanup(func() { _ = a.Store.Close() })
		return a
	}
	a := open(rules + "slack: {approvals_channel: C0APPROVE1}\n")
	require.False(t, a.AsksInSlack(t.Context()))
	require.False(t, a.Store.isOpen(), "no store is made by the question")

	db, err := store.Open(t.Context(), "sqlite:"+home+"/vpsbot/vpsbot.db")
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.Advertise(t.Context(), liveness.Slack))
	require.False(t, a.AsksInSlack(t.Context()), "the last answer is kept for a moment")
	now = now.Add(presenceKept)
	require.True(t, a.AsksInSlack(t.Context()))
	require.False(t, open(rules).AsksInSlack(t.Context()), "no channel")
}

func TestUnmatchedGlobHint(t *testing.T) {
	t.Parallel()
	require.Empty(t, UnmatchedGlobHint(nil, nil))
	require.Empty(t, UnmatchedGlobHint(nil, []string{"*", "servers.*", "plans.list"}))
	for glob, want := range map[string]string{"server.*": "; did you mean servers.*?", "servers.lst": "; did you mean servers.list?", "wibble": ""} {
		require.Equal(t, fmt.Sprintf("VPSBOT_OPERATIONS: %q fits no operation%s", glob, want), UnmatchedGlobHint(nil, []string{"plans.list", glob}))
	}
}

// Who chooses another profile while a process runs does not change what that process redacts.
func TestProfileIsChosenOnce(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	dir := profile.Dir(filepath.Join(home, "vpsbot"))
	require.NoError(t, dir.Create("prod", map[string]string{"VPS_API_TOKEN": "vps_hush4711hush"}))
	require.NoError(t, dir.Create("stage", map[string]string{"VPS_API_TOKEN": "vps_other4711other"}))
	require.NoError(t, dir.Use("prod"))
	env := environment(map[string]string{"XDG_CONFIG_HOME": home, "XDG_STATE_HOME": home})
	a, err := New(t.Context(), env)
	require.NoError(t, err)
	require.Equal(t, "prod", a.Runner.Profile)
	require.NoError(t, dir.Use("stage"))
	token, err := a.Runner.Token()
	require.NoError(t, err)
	require.Equal(t, "vps_hush4711hush", token)
	require.Equal(t, "[redacted]", env.Redact(token))
}
