package slackbot_test

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/fakeslack"
)

func cells(t *testing.T, f fakeslack.File) [][]string {
	all, err := csv.NewReader(strings.NewReader(string(f.Content))).ReadAll()
	require.NoError(t, err)
	return all
}

func TestCSVFile(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, w *world) {
		w.sim.Edit(rename("=cmd()"))
		w.slack.As(eve).In(ops).Type("/vps servers list --csv")
		w.ephemeral(eve, "The file is in your direct messages")
		files := w.slack.Files()
		require.Len(t, files, 1)
		require.Equal(t, "D"+eve, files[0].Channel)
		require.Regexp(t, `^servers-list-\d{4}-\d\d-\d\d\.csv$`, files[0].Name)
		all := cells(t, files[0])
		require.Equal(t, []string{"id", "name", "status"}, all[0][:3])
		require.Len(t, all, 3)
		require.Contains(t, string(files[0].Content), "'=cmd()", "no cell is a formula")
	})
}

func TestCSVHasAllPages(t *testing.T) {
	t.Parallel()
	w := newWorldWithServers(t, 620)
	p := w.slack.As(lea).In(ops)
	p.Type("/vps servers list offset=40 --csv --share")
	m := w.posted(ops, "shares List servers: 620 rows")
	require.Len(t, m.Files, 1)
	require.Len(t, cells(t, m.Files[0]), 621)
	p.Type("/vps ls")
	p.Press(w.ephemeral(lea, "1 to 20 of 620"), "csv")
	w.direct(lea, "620 rows")
	w.eventually("the file", func() bool { return len(w.slack.Files()) == 2 })
}

func TestCSVWithoutScope(t *testing.T) {
	w := newWorldOfTwoScopes(t, lea)
	w.slack.As(lea).In(ops).Type("/vps servers list --csv")
	w.ephemeral(lea, "Files are not switched on")
	require.Empty(t, w.slack.Calls("files.getUploadURLExternal"))
}

func TestCSVUploadError(t *testing.T) {
	w := newParallelWorld(t)
	w.slack.KickBot(ops)
	w.slack.As(lea).In(ops).Type("/vps servers list --csv --share")
	w.ephemeral(lea, "vpsbot is not in this channel")
	w.slack.Fail("upload", fakeslack.Fault{Status: 500})
	w.slack.As(max).In(ops).Type("/vps servers list --csv")
	w.ephemeral(max, "Slack did not take the file")
	require.Empty(t, w.slack.DMs(max), "nothing announces a file that is not there")
	w.slack.Heal()
	w.sim.Edit(func(s *simulator.World) { clear(s.Servers) })
	w.slack.As(eve).In(ops).Type("/vps servers list --csv")
	w.ephemeral(eve, "nothing to put into a file")
	w.slack.As(eve).In(ops).Type("/vps backups list server=nothing --csv")
	w.ephemeral(eve, "nothing")
}
