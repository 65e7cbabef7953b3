package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/store/pgtest"
)

// guide returns the blocks of a kind of docs/operations-guide.md, with the title that each is below.
func guide(t *testing.T, kind string) (titles []string, blocks []block) {
	page, err := os.ReadFile("../../docs/operations-guide.md")
	require.NoError(t, err)
	for section := range strings.SplitSeq(string(page), "\n## ") {
		title, _, _ := strings.Cut(section, "\n")
		for _, b := range blocksOf(section) {
			if b.kind == kind {
				titles, blocks = append(titles, title), append(blocks, b)
			}
		}
	}
	return titles, blocks
}

// The procedures of the guide on SQLite, in the order of the page. Those of a service that does not stop run beside one.
func TestGuideOnSQLite(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	state := r.setUpGuide()
	r.play("vpsbot reboot web-server-01\nvpsbot keys create ada-laptop --out ada.key\nvpsbot keys create leaked-key --out leaked.key\n")
	titles, blocks := guide(t, "sh")
	require.Greater(t, len(blocks), 8)
	shown := map[string]string{}
	for i, b := range blocks {
		stop := func() {}
		switch titles[i] {
		case "Restore": // another key signs a checkpoint, which is kept outside the copy
			r.play("mv $STATE/audit.key first.key\nvpsbot audit key\nmv -f first.key $STATE/audit.key\n")
		case "Uninstall":
		default:
			stop = r.serving()
		}
		shown[titles[i]] += r.play(b.text)
		stop()
	}
	require.Contains(t, shown["Retention"], "deleted what ended before 20")
	require.Contains(t, shown["Restore"], "The log is accepted up to row")
	require.Contains(t, shown["Restore"], "The log is whole")
	require.Contains(t, shown["Rotate a secret, without a stop"], "ada-laptop    revoked")
	require.Contains(t, shown["What to do when"], "Changes can run again.")
	require.NoDirExists(t, state)
	require.FileExists(t, filepath.Join(r.folder, "backup", "last-audit.jsonl"))
}

// The procedures of the guide on PostgreSQL.
func TestGuideOnPostgreSQL(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	r.setUpGuide()
	server := pgtest.Start(t)
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	require.NoError(t, err)
	url := server.URL()
	r.environ = append(r.environ, "VPSBOT_DATABASE_URL="+url, "DATABASE="+url,
		"RESTORED="+strings.Replace(url, "/postgres?", "/vpsbot_restored?", 1), "SERVE="+strings.Replace(url, "postgres@", "vpsbot_serve@", 1))
	for i, variable := range r.environ {
		if path, ok := strings.CutPrefix(variable, "PATH="); ok {
			r.environ[i] = "PATH=" + path + ":" + strings.Join(programs, ":")
		}
	}
	r.play("vpsbot keys create ada-laptop --out ada.key\n")
	r.environ = append(r.environ, "VPSBOT_KEY_FILE="+filepath.Join(r.folder, "ada.key"))
	r.play("vpsbot reboot web-server-01\n")
	titles, blocks := guide(t, "sh postgres")
	require.Len(t, blocks, 3)
	for i, b := range blocks {
		shown := r.play(b.text)
		switch titles[i] {
		case "Restore":
			require.Contains(t, shown, "The log is whole")
		case "A role that cannot rewrite the log":
			require.Contains(t, shown, "All changes are frozen.")
			require.Contains(t, shown, "permission denied for table audit")
		}
	}
}

// setUpGuide sets the variables of the guide's commands, and returns the folder of the database.
func (r *reader) setUpGuide() string {
	state, secrets, backup := filepath.Join(r.folder, "state", "vpsbot"), filepath.Join(r.folder, "secrets"), filepath.Join(r.folder, "backup")
	for _, folder := range []string{state, secrets, backup} {
		require.NoError(r.t, os.MkdirAll(folder, 0o700))
	}
	for name, value := range map[string]string{"token": secret, "new-token": "vps_new"} {
		require.NoError(r.t, os.WriteFile(filepath.Join(secrets, name), []byte(value+"\n"), 0o600))
	}
	r.sim.Edit(func(w *simulator.World) {
		w.Tokens["vps_new"] = &simulator.Token{Value: "vps_new", Name: "New", Permissions: []string{"*:*"}}
	})
	r.environ = append(r.environ, "STATE="+state, "SECRETS="+secrets, "BACKUP="+backup,
		"XDG_STATE_HOME="+filepath.Dir(state), "VPS_API_TOKEN_FILE="+filepath.Join(secrets, "token"))
	return state
}

// serving starts vpsbot serve on the database. stop fails the test if it is not ready.
func (r *reader) serving() (stop func()) {
	address := freeLoopback(r.t)
	cmd := exec.Command(programOfTests(r.t), "serve")
	cmd.Env, cmd.Dir = append(slices.Clone(r.environ), "VPSBOT_LISTEN="+address, "VPSBOT_LOG_LEVEL=error"), r.folder
	require.NoError(r.t, cmd.Start())
	ready := func() bool {
		resp, err := http.Get("http://" + address + "/readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}
	require.Eventually(r.t, ready, testTimeout, 10*time.Millisecond)
	return func() {
		require.True(r.t, ready(), "serve is not ready any more")
		require.NoError(r.t, cmd.Process.Signal(os.Interrupt))
		require.NoError(r.t, cmd.Wait())
	}
}
