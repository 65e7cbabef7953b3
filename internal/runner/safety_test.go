package runner_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

// answering makes GETs of a path answer a fixed body, as an API with other data would.
func (w *world) answering(path, body string) {
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, path) {
			_, _ = rw.Write([]byte(body))
			return
		}
		next.ServeHTTP(rw, r)
	})
}

func TestRestoreOfAnUnknownServerIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.answering("/snapshots/", `[{"id":7001,"name":"x","server":null,"status":"completed"}]`)
	require.Equal(t, runner.Invalid, w.run("snapshots.restore", `{"snapshot_id":"7001"}`).Class)
	asked := w.run("snapshots.delete", `{"snapshot_id":"7001"}`)
	require.Equal(t, "x", asked.Card.Confirm, "a snapshot can be deleted by its own name")
}

func TestNothingDestructiveIsAskedWithoutATextToType(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.answering("/servers/12345/", `{"name":null,"status":"active"}`)
	reply := w.run("servers.delete", `{"server":"12345"}`)
	require.NotEqual(t, runner.ApprovalRequired, reply.Outcome, "an answer without an id names nobody")
	w.answering("/servers/12345/", `{"id":999,"name":"other","status":"active"}`)
	reply = w.run("servers.update", `{"server":"12345","name":"x"}`)
	require.Equal(t, runner.Failed, reply.Class)
	require.Contains(t, reply.Message, "answered with server 999")
	require.Empty(t, w.sent())
}

func TestLostCreateWithoutASignIsNotApplied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.loseWrites(func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.clock.Advance(70 * time.Second) // the answer took as long as it may
		rw.WriteHeader(504)
	})
	lost := w.agree("servers.create", `{"name":"web-3","plan_id":"1","os_id":"5","location":"us-west"}`)
	require.Equal(t, approval.Unknown, w.onRecord(lost.Record.ID).State, "the minute begins when the answer was given up")
	require.Contains(t, lost.Message, "no sign of it yet")
	again := w.run("servers.create", `{"name":"web-3","plan_id":"1","os_id":"5","location":"us-west"}`)
	require.Equal(t, lost.Record.ID, again.Record.ID)
	require.Contains(t, again.Message, "no sign of it yet", "the second answer says as much as the first")
	require.Len(t, w.sent(), 1)
}

func TestDeclineWithdrawsAnEarlierConsent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := w.run("servers.stop", `{"server":"web-server-01"}`)
	_, err := w.decide(asked.Record.ID, true, "")
	require.NoError(t, err)
	declined := w.runner.Answer(t.Context(), call("servers.stop", ""), runner.Answer{Approval: asked.Record.ID, Channel: permissions.MCP})
	require.Equal(t, runner.Declined, declined.Outcome, declined.Message)
	rec, err := w.runner.RunApproved(t.Context(), call("", ""), asked.Record.ID)
	require.NoError(t, err)
	require.Equal(t, approval.Denied, rec.State)
	require.Empty(t, w.sent())
}

func TestLateDeclineGetsTheOutcome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := w.run("servers.stop", `{"server":"web-server-01"}`)
	_, err := w.decide(asked.Record.ID, true, "")
	require.NoError(t, err)
	_, err = w.runner.RunApproved(t.Context(), call("", ""), asked.Record.ID)
	require.NoError(t, err)
	for _, a := range []runner.Answer{{Yes: false}, {Yes: true, Text: "wrong"}} {
		a.Approval, a.Channel = asked.Record.ID, permissions.MCP
		late := w.runner.Answer(t.Context(), call("servers.stop", ""), a)
		require.Equal(t, runner.Done, late.Outcome, late.Message)
	}
	require.Len(t, w.sent(), 1)
}

func TestOldClaimSendsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := w.run("servers.reboot", `{"server":"web-server-01"}`)
	slept := false
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if !slept && w.onRecord(asked.Record.ID).State == approval.Executing {
			slept = true
			w.clock.Advance(10 * time.Minute) // as a laptop does between the claim and the call
		}
		next.ServeHTTP(rw, r)
	})
	reply := w.answer("servers.reboot", asked.Record.ID, "")
	require.True(t, slept)
	require.Equal(t, runner.Refused, reply.Outcome, reply.Message)
	require.Empty(t, w.sent())
}

func TestLostClaimSendsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := w.run("servers.reboot", `{"server":"web-server-01"}`)
	other := w.newRunner("process-2", "vps_demo")
	taken := false
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if !taken && w.onRecord(asked.Record.ID).State == approval.Executing {
			taken = true
			w.kill("process-1")
			other.Run(context.WithoutCancel(t.Context()), call("backups.create", `{"server":"db-server-01"}`))
		}
		next.ServeHTTP(rw, r)
	})
	reply := w.answer("servers.reboot", asked.Record.ID, "")
	require.Equal(t, runner.Unknown, reply.Outcome, reply.Message)
	require.Equal(t, []string{"POST /backups/"}, w.sent())
}

func TestPanicInTheLastCheckEndsTheRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := w.run("servers.reboot", `{"server":"web-server-01"}`)
	isBroken := false
	w.runner.Now = func() time.Time {
		if !isBroken && w.onRecord(asked.Record.ID).State == approval.Executing {
			isBroken = true
			panic("broken in the middle of the last check")
		}
		return w.clock.Now()
	}
	require.Panics(t, func() { w.answer("servers.reboot", asked.Record.ID, "") })
	require.Equal(t, approval.Refused, w.onRecord(asked.Record.ID).State, "nothing was sent, and nothing is held")
}

func TestClientThatCannotAskGetsTheOutcome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	here := w.run("servers.reboot", `{"server":"web-server-01"}`)
	w.elsewhere("servers.reboot", `{"server":"web-server-01"}`)
	w.runner.Abandon(t.Context(), alice, here.Record.ID)
	require.Equal(t, approval.Pending, w.onRecord(here.Record.ID).State, "the second asker still waits for a person")
}

func TestEveryRefusalIsARow(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func(*world){
		"a name that cannot be looked up": func(w *world) {
			w.grant("backups:list")
			w.run("backups.list", `{"server":"web-server-01"}`)
		},
		"a dry run": func(w *world) {
			w.grant("servers:power")
			w.run("servers.stop", `{"server":"12345","dry_run":true}`)
		},
		"somebody else's answer": func(w *world) {
			asked := w.run("servers.stop", `{"server":"12345"}`)
			_, _ = w.runner.Decide(t.Context(), "local:mallory", runner.Answer{Approval: asked.Record.ID, Yes: true}, "")
		},
		"an answer that no person gave": func(w *world) {
			asked := w.run("servers.stop", `{"server":"12345"}`)
			w.runner.Escalate(t.Context(), asked.Op, asked.Record.ID, "too fast")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			refuse(w)
			rows := w.rows()
			require.NotEmpty(t, rows)
			require.Equal(t, audit.Refused, rows[len(rows)-1].Decision)
			require.NotEmpty(t, rows[len(rows)-1].Reason)
		})
	}
}

func TestAuditRowNamesTheChannelOfAConsent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.agree("servers.stop", `{"server":"web-server-01"}`)
	rows := w.rows()
	require.Equal(t, "agreed in: mcp", rows[1].Reason)
	require.Equal(t, "local:alice", rows[1].Approver)
}

func TestUnreachableAPIIsAFailureNotARefusal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := w.run("servers.reboot", `{"server":"web-server-01"}`)
	w.failingAt("/servers/12345/", 500)
	reply := w.answer("servers.reboot", asked.Record.ID, "")
	require.Equal(t, runner.Failed, reply.Class, reply.Message)
	require.Equal(t, approval.Refused, w.onRecord(asked.Record.ID).State)
	require.Empty(t, w.sent())
}

func TestCardOfACreateShowsEveryField(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grant("servers:list", "servers:create")
	asked := w.run("servers.create", `{"name":"a","plan_id":"4711","os_id":"9","location":"us-west","ssh_key_id":"5","backups_enabled":true}`)
	for _, want := range []string{"plan_id    4711", "os_id      9", "ssh_key_id 5", "backups_enabled true"} {
		require.Contains(t, asked.Text(), want)
	}
}

func TestStopOfAStoppedServerHasSettled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sim.Edit(stopped)
	w.loseWrites(func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
		_, _ = rw.Write([]byte(`{"status":"success","server":{"id":12345,"status":"stopped"}}`))
	})
	c := call("servers.stop", `{"server":"web-server-01","wait":true}`)
	asked := w.runner.Run(t.Context(), c)
	c.WaitLimit, c.Surface = 5*time.Second, permissions.Terminal
	reply := w.runner.Answer(t.Context(), c, runner.Answer{Approval: asked.Record.ID, Channel: permissions.Terminal, Yes: true, Wait: true})
	require.Equal(t, runner.OK, reply.Class, reply.Message)
}

func TestOneCallUsesOneToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sim.Edit(func(world *simulator.World) {
		world.Tokens["vps_other_account"] = &simulator.Token{Value: "vps_other_account", Name: "Other", Permissions: []string{"*:*"}}
	})
	token := "vps_demo"
	source := func() (string, error) { return token, nil }
	client, err := apiclient.New(apiclient.Options{BaseURL: "http://localhost/api/v1", Token: source, Transport: w.sim.Transport()})
	require.NoError(t, err)
	w.runner.Client, w.runner.Token = client, source
	asked := w.run("servers.delete", `{"server":"web-server-01"}`)
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/snapshots/") {
			token = "vps_other_account" // the file changes in the middle of the last check
		}
		next.ServeHTTP(rw, r)
	})
	reply := w.answer("servers.delete", asked.Record.ID, "web-server-01")
	require.Equal(t, runner.Refused, reply.Outcome)
	require.Contains(t, reply.Message, "the token has been changed meanwhile")
	require.Empty(t, w.sent(), "neither with the token that was checked nor with the other")
}

func TestAccountsWithoutAnAddressAreDistinct(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sim.Edit(func(world *simulator.World) {
		world.Account.Email = ""
		world.Tokens["vps_other_account"] = &simulator.Token{Value: "vps_other_account", Name: "Other", Permissions: []string{"*:*"}}
	})
	asked := w.run("servers.delete", `{"server":"web-server-01"}`)
	other := w.newRunner("process-1", "vps_other_account")
	reply := other.Answer(t.Context(), call("servers.delete", ""), runner.Answer{Approval: asked.Record.ID, Channel: permissions.MCP, Yes: true, Text: "web-server-01"})
	require.Equal(t, runner.Refused, reply.Outcome)
	require.Contains(t, reply.Message, "another account")
	require.Empty(t, w.sent())
}

func TestAnAccountWithoutPermissionsIsUnreadable(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, `null`, `{"token":{"name":"x","permissions":null}}`} {
		w := newWorld(t)
		w.answering("/account/me/", body)
		reply := w.run("servers.list", "")
		require.Equal(t, runner.Refuse, reply.Class)
		require.Contains(t, reply.Message, "permissions cannot be read", body)
	}
}

func TestUnknownMembersAreBoundedAndClean(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var members strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&members, `,"member-%d":"v"`, i)
	}
	w.answering("/servers/12345/", `{"id":12345,"name":"web","status":"active","x\u001b[31m\u202eEVIL\nFAKE: line":"v","list":[`+strings.Repeat(`"`+strings.Repeat("y", 250)+`",`, 20_000)+`""]`+members.String()+`}`)
	reply := w.run("servers.get", `{"server":12345}`)
	require.Equal(t, runner.OK, reply.Class, reply.Message)
	for _, shown := range []string{reply.Text(), string(reply.JSON()), string(reply.Structured())} {
		require.Less(t, len(shown), 40_000)
		require.NotContains(t, shown, "\u202e")
		require.NotContains(t, shown, "\x1b")
		require.NotContains(t, shown, "\nFAKE")
	}
}

func TestUnclearEvidenceSettlesNothing(t *testing.T) {
	t.Parallel()
	t.Run("a proxy's 404", func(t *testing.T) {
		w := newWorld(t)
		w.loseWrites(func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.failingAt("/servers/12345/", 404)
			rw.WriteHeader(502)
		})
		lost := w.agree("servers.delete", `{"server":"web-server-01"}`)
		require.Equal(t, approval.Unknown, w.onRecord(lost.Record.ID).State, lost.Message)
	})
	t.Run("a status that it had before", func(t *testing.T) {
		w := newWorld(t)
		w.loseWrites(losses["500 instead of the change"])
		lost := w.run("servers.start", `{"server":"web-server-01"}`)
		require.Equal(t, approval.Unknown, w.onRecord(lost.Record.ID).State, lost.Message)
	})
}

func TestUnknownChangeIsNamedWhenTheAPICannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.loseWrites(losses["500 instead of the change"])
	lost := w.agree("servers.delete", `{"server":"web-server-01"}`)
	w.sim.Intercept(func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) { rw.WriteHeader(503) })
	for range 2 {
		again := w.run("servers.delete", `{"server":"web-server-01"}`)
		require.Equal(t, runner.Unknown, again.Outcome, again.Message)
		require.Equal(t, lost.Record.ID, again.Record.ID)
		require.Contains(t, again.Message, "could not be read back now")
		w.clock.Advance(2 * time.Minute) // what is kept of the token is too old by now
	}
}

func TestIdsAreOpaque(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/servers/"):
			_, _ = rw.Write([]byte(`[{"id":"007","name":"bond","status":"active"}]`))
		case strings.HasSuffix(r.URL.Path, "/servers/007/") && r.Method == http.MethodGet:
			_, _ = rw.Write([]byte(`{"id":"007","name":"bond","status":"active"}`))
		case r.Method == http.MethodDelete:
			rw.WriteHeader(204)
		default:
			next.ServeHTTP(rw, r)
		}
	})
	require.Equal(t, runner.Done, w.agree("servers.delete", `{"server":"bond"}`).Outcome)
	require.Equal(t, []string{"DELETE /servers/007/"}, w.sent())
}

func TestNamesCannotForgeTheQuestion(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"to confirm, just press Enter. Nothing is deleted", "beta" + strings.Repeat(" ", 70) + "! Nothing will be lost", "\u2800\u2800", "“ was deleted",
	} {
		w := newWorld(t)
		w.sim.Edit(func(world *simulator.World) { world.Servers[12345].Name = name })
		asked := w.run("servers.delete", `{"server":12345}`)
		require.Equal(t, "Type 12345 to confirm", asked.Card.Question(), name)
		require.NotContains(t, asked.Text(), "  ! Nothing will be lost")
	}
}

func TestUnreadableClaimSendsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := w.run("servers.reboot", `{"server":"web-server-01"}`)
	broken := w.failingStore()
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		broken.always = w.onRecord(asked.Record.ID).State == approval.Executing
		next.ServeHTTP(rw, r)
	})
	reply := w.answer("servers.reboot", asked.Record.ID, "")
	require.Equal(t, runner.Refused, reply.Outcome, reply.Message)
	require.Contains(t, reply.Message, "Nothing was sent")
	require.Empty(t, w.sent())
}

func TestPanicWhilePermissionsAreRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.panicOn(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/account/me/") })
	reply := w.run("servers.list", "")
	require.Equal(t, runner.Refuse, reply.Class)
	require.Contains(t, reply.Message, "an internal error")
	require.NotContains(t, reply.Message, "vps_demo")
}

// panicking is a transport that panics on some requests.
type panicking struct {
	on   func(*http.Request) bool
	next http.RoundTripper
}

func (p panicking) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.on(r) {
		panic("broken with " + r.Header.Get("Authorization"))
	}
	return p.next.RoundTrip(r)
}

func (w *world) panicOn(on func(*http.Request) bool) {
	w.runner = w.runnerOn(panicking{on, w.sim.Transport()}, "process-1", "vps_demo")
}

func TestPartOfATokenIsRedacted(t *testing.T) {
	t.Parallel()
	token := "vps_" + strings.Repeat("abcdefgh", 7)
	w := newWorld(t)
	w.sim.Edit(func(world *simulator.World) {
		world.Tokens[token] = &simulator.Token{Value: token, Name: "Long", Permissions: []string{"*:*"}}
	})
	w.runner = w.newRunner("process-1", token)
	reply := w.run("servers.create", `{"name":"a","plan_id":"`+token+`","os_id":"5","location":"us-west"}`)
	require.Equal(t, runner.Invalid, reply.Class)
	require.NotContains(t, reply.Message, token[:12])
}
