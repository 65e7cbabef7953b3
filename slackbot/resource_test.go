package slackbot_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/testkit/volumes"
	"github.com/vpsbot/vpsbot/permissions"
)

// A kind of resource that one value adds has command, form, card, modal and consent.
func TestNewResource(t *testing.T) {
	t.Parallel()
	w := newStoppedWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "vpsbot.db"))
	w.disks = &volumes.API{Behind: w.sim}
	w.start()
	w.setPolicy(func(p *permissions.Policy) {
		p.Book.Rules = append(p.Book.Rules, permissions.Rule{
			Name: "disks", Effect: permissions.Allow, Who: []permissions.Principal{"lea"}, Operations: []permissions.Glob{"volumes.*"},
		})
	})
	p, card := w.request(lea, "volumes create name=data-1 location=us-west", "Creates the volume")
	p.Press(card, "confirm")
	require.Contains(t, w.direct(lea, "Done").Text(), "Create a volume", "the title is that of its catalogue")
	p.Type("/vps volumes")
	require.Contains(t, w.ephemeral(lea, "data-1").Text(), "us-west")

	p.Type("/vps volumes delete")
	v := w.form(lea, "volume_id")
	require.Contains(t, v.Text(), "data-1 · active", "the form offers those that there are")
	p.Fill(v, map[string]any{"field:volume_id": "1"})
	require.Empty(t, p.Submit(v).Errors)
	p.Press(w.ephemeral(lea, "Deletes the volume"), "confirm")
	v = w.modal(lea, "data-1")
	p.Fill(v, map[string]any{"name": "data-2"})
	require.Contains(t, p.Submit(v).Errors, "name", "another name confirms nothing")
	p.Fill(v, map[string]any{"name": "data-1"})
	require.Empty(t, p.Submit(v).Errors)
	w.eventually("it was deleted", func() bool { return w.records()[0].State == approval.Done })
	require.Equal(t, []string{"POST /volumes/", "DELETE /volumes/1/"}, w.disks.Writes())

	w.slack.As(eve).In(ops).Type("/vps volumes create name=data-3 location=us-west")
	w.ephemeral(eve, "no rule of the policy allows it")
	require.Len(t, w.disks.Writes(), 2)
}
