package slackbot_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/command"
	"github.com/vpsbot/vpsbot/tools"
)

// A result names the command that undoes it.
func TestUndoCommand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ command, card, want string }{
		{"servers update web-server-01 name=web-2", "", "/vps servers update 12345 name=web-server-01"},
		{"servers update db-server-01 backups_enabled=true", "", "/vps servers update 12346 backups_enabled=false"},
		{"servers update web-server-01 backups_enabled=false", "Changes", "/vps servers update 12345 --backups-enabled"},
		{"stop web-server-01", "Stops", "/vps servers start 12345"},
		{"backups create web-server-01", "", "/vps backups delete 502"},
		{"servers create name=web-9 plan_id=1 os_id=5 location=us-west", "Creates", "/vps servers delete "},
	} {
		t.Run(c.command, func(t *testing.T) {
			w := newWorld(t)
			p := w.slack.As(lea).In(ops)
			p.Type("/vps " + c.command)
			if c.card != "" {
				p.Press(w.ephemeral(lea, c.card), "confirm")
			}
			live := w.direct(lea, "To undo")
			_, after, found := strings.Cut(live.Text(), "To undo: `")
			require.True(t, found, live.Text())
			undo, _, _ := strings.Cut(after, "`")
			require.True(t, strings.HasPrefix(undo, c.want), undo)
			parsed, err := command.Parse(nil, undo)
			require.NoError(t, err)
			require.Empty(t, parsed.Missing())
		})
	}
}

func TestUndoOperations(t *testing.T) {
	t.Parallel()
	for _, op := range tools.Default.Operations() {
		if op.Undo == "" {
			continue
		}
		back, ok := tools.Default.Lookup(op.Undo)
		require.True(t, ok, "%s: %s", op.Name, op.Undo)
		require.False(t, back.IsRead(), op.Name)
	}
}
