package slackbot_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
)

// fleet is a world with many servers, in pages; servers 7 and above have no number in their name's order.
func fleet(t *testing.T, servers int) *world {
	w := newStoppedSQLiteWorld(t)
	w.sim = simulator.New(simulator.Options{Speed: 600, Servers: servers, PageSize: 100})
	w.start()
	return w
}

// lists counts the reads of pages of servers since a request of the simulator's.
func (w *world) lists(since int) (pages int) {
	for _, r := range w.sim.Requests()[since:] {
		if r.Path == "/api/v1/servers/" {
			pages++
		}
	}
	return pages
}

// A Home tab reads each page of the servers once, and knows all of them; so do the choices of a form.
func TestHomeAndFormsOfALargeFleet(t *testing.T) {
	t.Parallel()
	w := fleet(t, 2500)
	last := ""
	w.sim.Edit(func(world *simulator.World) { last = world.Servers[12344+2500].Name })
	p := w.slack.As(lea)
	before := len(w.sim.Requests())
	w.openHome(lea)
	v := w.slack.WaitHome(lea, "1 to 20 of 2500 servers")
	require.Equal(t, 25, w.lists(before))
	before = len(w.sim.Requests())
	p.Choose(v, "home_filter", last)
	w.slack.WaitHome(lea, "1 server")
	require.Contains(t, w.slack.Home(lea).Text(), last)
	require.Equal(t, 25, w.lists(before))

	p.In(ops).Type("/vps reboot")
	form := w.form(lea, "server")
	before = len(w.sim.Requests())
	w.eventually("the list is read", func() bool { return len(p.Suggest(form, "field:server", last)) == 1 })
	require.Len(t, p.Suggest(form, "field:server", ""), 100)
	require.Equal(t, []string{fmt.Sprintf("%s (%d)", last, 12344+2500)}, labels(p.Suggest(form, "field:server", last)))
	require.Equal(t, 25, w.lists(before))
}

// A command by a name that was read a moment ago reaches the server that has the name, which is the one on its card.
func TestRememberedName(t *testing.T) {
	t.Parallel()
	for happened, c := range map[string]struct {
		edit func(*simulator.World)
		id   string
	}{
		"given away": {func(world *simulator.World) {
			world.Servers[12345].Name = "web-old"
			world.AddServer(simulator.Server{ID: 7, Name: "web-server-01"})
		}, "7"},
		"created again": {func(world *simulator.World) {
			world.DeleteServer(12345)
			world.AddServer(simulator.Server{ID: 7, Name: "web-server-01"})
		}, "7"},
		"renamed": {rename("web-old"), ""},
		"taken by another too": {func(world *simulator.World) {
			world.AddServer(simulator.Server{ID: 7, Name: "web-server-01"})
		}, "12345"},
	} {
		t.Run(happened, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.slack.As(lea).In(ops)
			p.Type("/vps servers get web-server-01")
			w.ephemeral(lea, "203.0.113.10")
			w.sim.Edit(c.edit)
			p.Type("/vps stop web-server-01")
			if c.id == "" {
				w.ephemeral(lea, "no server is called")
				require.Empty(t, w.records())
				return
			}
			card := w.ephemeral(lea, "Stops")
			require.Contains(t, card.Text(), c.id)
			p.Press(card, "confirm")
			w.waitDone()
			require.Equal(t, []string{"POST /servers/" + c.id + "/stop/"}, w.sent())
			require.Equal(t, "server:"+c.id, w.records()[0].Target)
			require.False(t, strings.Contains(card.Text(), "12346"))
		})
	}
}
