package running

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/vpsbot/vpsbot/internal/store/pgtest"
)

// manifest decodes the object of a kind in deploy/kubernetes.yaml, which deploy/test/helm holds to be what the chart renders.
func manifest[T any](t *testing.T, kind string) (found T) {
	t.Helper()
	raw, err := os.ReadFile("../../kubernetes.yaml")
	require.NoError(t, err)
	for part := range bytes.SplitSeq(raw, []byte("\n---\n")) {
		if bytes.Contains(part, []byte("\nkind: "+kind+"\n")) {
			require.NoError(t, yaml.UnmarshalStrict(part, &found))
			return found
		}
	}
	require.Fail(t, "not there", kind)
	return found
}

// volume writes files as the kubelet does: behind links that one rename exchanges.
func volume(t *testing.T, folder string, content map[string]string) {
	t.Helper()
	version := files(t, content)
	link := filepath.Join(folder, "..data")
	require.NoError(t, os.Symlink(version, link+"_tmp"))
	require.NoError(t, os.Rename(link+"_tmp", link))
	for name := range content {
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(folder, name)); err != nil {
			require.ErrorIs(t, err, os.ErrExist)
		}
	}
}

// The container's process is ready with the pod's arguments, variables and volumes; it takes a changed ConfigMap and a changed
// Secret by itself, and ends within what is left of the grace period.
func TestPodStarts(t *testing.T) {
	pod := manifest[apps.Deployment](t, "Deployment").Spec.Template.Spec
	c := pod.Containers[0]
	folders := map[string]string{}
	var mounts []mount
	for _, m := range c.VolumeMounts {
		folders[m.Name] = t.TempDir()
		mounts = append(mounts, mount{m.MountPath, folders[m.Name]})
	}
	volume(t, folders["secrets"], map[string]string{"VPS_API_TOKEN": "vps_before\n", "VPSBOT_DATABASE_URL": pgtest.URL(t) + "\n"})
	volume(t, folders["policy"], manifest[core.ConfigMap](t, "ConfigMap").Data)
	env := map[string]string{}
	for _, e := range c.Env {
		env[e.Name] = e.Value
	}
	env = place(env, mounts...)
	require.Equal(t, ":8484", env["VPSBOT_LISTEN"])
	env["VPSBOT_LISTEN"], env["VPSBOT_METRICS_LISTEN"], env["VPS_API_URL"] = freeAddress(t), freeAddress(t), simulate(t)
	p := start(t, env, program, c.Args...)
	waitReady(t, env["VPSBOT_LISTEN"], p)
	for _, probe := range []*core.Probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
		require.Equal(t, http.StatusOK, status("http://"+env["VPSBOT_LISTEN"]+probe.HTTPGet.Path))
	}

	key := makeKey(t, env)
	client := front{env["VPSBOT_LISTEN"], hostOf(t, env["VPSBOT_PUBLIC_URL"]), false}
	answers := func(text string) {
		require.Eventually(t, func() bool {
			_, body := client.ask(t, key, "servers_list")
			return strings.Contains(body, text)
		}, 15*time.Second, 200*time.Millisecond, text)
	}
	answers("the token was not accepted")
	volume(t, folders["secrets"], map[string]string{"VPS_API_TOKEN": "vps_demo\n"})
	answers("web-server-01")
	volume(t, folders["policy"], map[string]string{"policy.yaml": "version: 1\nrules: []\n"})
	answers("isError")
	_, body := client.ask(t, key, "servers_list")
	require.Contains(t, body, "no rule")
	require.NotContains(t, p.log.String(), "vps_before")

	begun := time.Now()
	p.signal(syscall.SIGTERM)
	require.NoError(t, p.cmd.Wait(), p.log.String())
	left := time.Duration(*pod.TerminationGracePeriodSeconds-c.Lifecycle.PreStop.Sleep.Seconds) * time.Second
	require.Less(t, time.Since(begun), left)
}
