package mcpserver

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
)

func TestGivingUpCancelsTheQuestion(t *testing.T) {
	for name, giveUp := range map[string]func(k *talk, id string){
		"cancelled": func(k *talk, id string) {
			k.say(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":` + id + `}}`)
		},
		"end of input": func(k *talk, _ string) { k.in.Close() },
		"stopped":      func(k *talk, _ string) { k.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			k := w.legacy(forms)
			id, _ := k.begin("tools/call", call("servers_delete", web))
			k.question()
			giveUp(k, id)
			w.eventually(func() bool { return w.state() == approval.Cancelled }, "cancelled")
			require.Empty(t, w.sent())
		})
	}
}

func TestGivingUpOneOfTwoLeavesTheQuestionOpen(t *testing.T) {
	w := newWorld(t)
	k := w.legacy(forms)
	first, _ := k.begin("tools/call", call("servers_delete", web))
	k.question()
	_, coming := k.begin("tools/call", call("servers_delete", web))
	_, reply := k.question()
	k.say(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":` + first + `}}`)
	w.eventually(func() bool { return w.server.people.size() == 1 }, "one gave up")
	require.Equal(t, approval.Pending, w.state())
	w.clock.Advance(readTime)
	reply(`"result":` + yes)
	require.Equal(t, "done", k.result(coming).is())
}

func TestModernQuestionSurvivesTheEndOfItsCall(t *testing.T) {
	w := newWorld(t)
	state := asked(w.modern(forms))
	time.Sleep(50 * time.Millisecond) // the call's context has ended long since
	require.NotEmpty(t, state)
	require.Equal(t, approval.Pending, w.state())
}

func TestFiftyWaitAndReadsGoOn(t *testing.T) {
	w := newWorld(t)
	k := w.legacy(forms)
	var coming []<-chan message
	for range mostWaiting { // all about one record: nobody may have many open
		_, answer := k.begin("tools/call", call("servers_create", newServer(0)))
		coming = append(coming, answer)
	}
	replies := make([]func(string), 0, mostWaiting)
	for range mostWaiting {
		_, reply := k.question()
		replies = append(replies, reply)
	}
	for range 20 {
		require.False(t, k.call(call("servers_get", web)).IsError)
	}
	o := k.call(call("servers_delete", web))
	require.Equal(t, "approval_required", o.is(), "one more is not asked")
	require.Contains(t, o.text(), "So many questions wait")
	w.clock.Advance(readTime)
	for _, reply := range replies {
		reply(`"result":` + decline)
	}
	for _, answer := range coming {
		require.Equal(t, "declined", k.result(answer).is())
	}
	require.Empty(t, w.sent())
	require.Zero(t, w.server.people.size())
}

func newServer(i int) string {
	return fmt.Sprintf(`{"name":"web-%d","plan_id":1,"os_id":5,"location":"us-west"}`, i)
}
