package messages

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store"
)

var noon = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

// A replica that claims a batch late finds it posted.
func TestMirrorBatchPostedMeanwhile(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "vpsbot.db"))
	require.NoError(t, err)
	defer db.Close()
	m := mirror{Notices{Options{Now: func() time.Time { return noon }}}, db, "C1"}
	_, err = db.AddPost(t.Context(), m.cursorPost(streams[0], 5))
	require.NoError(t, err)
	more, err := m.post(t.Context(), mirrorBatch{streams[0], 3, []audit.Row{{Seq: 4}, {Seq: 5}}, 5})
	require.NoError(t, err, "Slack is not asked: it could not be reached")
	require.True(t, more, "but what came after may follow")
}

func TestMirrorMessageSize(t *testing.T) {
	t.Parallel()
	long := make([]audit.Row, maxMirrorRows)
	for i := range long {
		long[i] = audit.Row{Seq: int64(i + 1), At: noon, Actor: "local:a", Operation: "servers.stop", Decision: "refused", Reason: strings.Repeat("&<", 500)}
	}
	message, n := mirrorMessage(long)
	require.Greater(t, n, 0)
	require.Less(t, n, maxMirrorRows)
	raw, err := json.Marshal(message.Blocks)
	require.NoError(t, err)
	require.LessOrEqual(t, len(raw), 2*maxMirrorBytes)
	_, n = mirrorMessage(long[:1])
	require.Equal(t, 1, n)
	for i := range long {
		long[i].Reason = "no rule allows it"
	}
	message, n = mirrorMessage(long)
	require.Equal(t, maxMirrorRows, n)
	require.Equal(t, "10 rows of the audit log", message.Text)
}
