package packages

import (
	"encoding/json"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	imageTag  = "localhost/vpsbot:packages-test"
	mostBytes = 40 << 20 // of the image; 30 MB today
)

// image is an image that was built and mounted, and a volume for its state.
type image struct {
	root, volume string
	config       imageConfig
}

func buildImage(t *testing.T) image {
	t.Helper()
	needPrograms(t, "buildah", "unshare", "setpriv", "chroot")
	need(t, os.Getuid() == 0, "root, who mounts images")
	_, err := os.Stat("/etc/ssl/certs/ca-certificates.crt")
	need(t, err == nil, "ca-certificates")
	output(t, root, nil, "deploy/image/build.sh", testVersion, imageTag, program(t))
	container := strings.TrimSpace(output(t, root, nil, "buildah", "from", "--pull-never", imageTag))
	t.Cleanup(func() {
		_ = exec.Command("buildah", "rm", container).Run()
		_ = exec.Command("buildah", "rmi", imageTag).Run()
	})
	made := image{root: strings.TrimSpace(output(t, root, nil, "buildah", "mount", container)), volume: t.TempDir()}
	require.NoError(t, os.Chown(made.volume, 65532, 65532))
	var inspected struct{ Docker struct{ Config imageConfig } }
	require.NoError(t, json.Unmarshal([]byte(output(t, root, nil, "buildah", "inspect", "--type", "image", imageTag)), &inspected))
	made.config = inspected.Docker.Config
	return made
}

// start is what an engine does: the root is mounted read-only, the state goes to the volume, the user is 65532 without
// any right.
const start = `set -e
root=$1 volume=$2 chroot=$3
shift 3
mount --bind "$root" /mnt
mount -o remount,bind,ro /mnt
mount --bind "$volume" /mnt/var/lib/vpsbot
exec setpriv --no-new-privs "$chroot" --userspec=65532:65532 /mnt "$@"`

// command starts a program of the image with the image's own variables and more of them.
func (i image) command(t *testing.T, more []string, args ...string) *exec.Cmd {
	t.Helper()
	chroot, err := exec.LookPath("chroot")
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), "unshare", append([]string{"--mount", "--propagation", "private", "sh", "-c", start, "sh", i.root, i.volume, chroot}, args...)...)
	cmd.Env = append(i.config.Env, more...)
	return cmd
}

func (i image) output(t *testing.T, more []string, args ...string) string {
	t.Helper()
	out, err := i.command(t, more, args...).CombinedOutput()
	require.NoError(t, err, "%v: %s", args, out)
	return string(out)
}

// imageConfig is what the image says of itself, in the format of Docker.
type imageConfig struct {
	User            string
	Env             []string
	Entrypoint, Cmd []string
	Labels          map[string]string
	Volumes         map[string]any
	Healthcheck     struct{ Test []string }
}

// The image runs with a read-only root as a user of no rights: commands, serve, and the health check.
func TestImage(t *testing.T) {
	image := buildImage(t)
	config := image.config
	require.Equal(t, "65532:65532", config.User)
	require.Equal(t, testVersion, config.Labels["org.opencontainers.image.version"])
	require.Contains(t, config.Volumes, "/var/lib/vpsbot")
	require.Equal(t, []string{"CMD", "/usr/bin/vpsbot", "health"}, config.Healthcheck.Test)
	require.Less(t, bytesBelow(t, image.root), int64(mostBytes))
	checkContent(t, image)
	before := filesBelow(t, image.root)

	require.Contains(t, image.output(t, []string{"VPS_API_URL=simulator"}, append(config.Entrypoint, "servers", "list")...), "web-server-01")

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	variables := []string{"VPS_API_URL=simulator", "VPS_API_TOKEN=vps_demo", "VPSBOT_LISTEN=" + address}
	require.Error(t, image.command(t, variables, config.Healthcheck.Test[1:]...).Run(), "nothing is served yet")
	serve, log := image.command(t, variables, append(config.Entrypoint, config.Cmd...)...), new(logBuffer)
	serve.Stderr = log
	require.NoError(t, serve.Start())
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "msg=serving") }, 20*time.Second, 20*time.Millisecond, log)
	require.Equal(t, "ok\n", image.output(t, variables, config.Healthcheck.Test[1:]...))
	require.Equal(t, "ready\n", image.output(t, variables, append(config.Healthcheck.Test[1:], "--ready")...))
	require.NoError(t, serve.Process.Signal(syscall.SIGTERM))
	require.NoError(t, serve.Wait(), log)
	require.NotContains(t, log.String(), "read-only file system")

	require.Equal(t, before, filesBelow(t, image.root), "something was written outside of the volume")
	require.NotEmpty(t, filesBelow(t, image.volume), "the state is in the volume")
}

// checkContent wants what Go looks for: authorities of certificates, and time zones; and nothing that anybody may write.
func checkContent(t *testing.T, image image) {
	t.Helper()
	for _, path := range []string{"etc/ssl/certs/ca-certificates.crt", "usr/share/zoneinfo/Europe/Berlin", "etc/passwd"} {
		require.FileExists(t, filepath.Join(image.root, path))
	}
	for path, mode := range filesBelow(t, image.root) {
		require.True(t, strings.HasPrefix(mode, "L") || mode[len(mode)-2] != 'w', "everybody may write %s: %s", path, mode)
	}
}

// filesBelow are the files below a folder with their kinds and rights, but for the volume.
func filesBelow(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && path != folder {
			info, infoErr := d.Info()
			require.NoError(t, infoErr)
			files[path] = info.Mode().String()
		}
		return err
	}))
	return files
}

func bytesBelow(t *testing.T, folder string) (sum int64) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			info, infoErr := d.Info()
			require.NoError(t, infoErr)
			sum += info.Size()
		}
		return err
	}))
	return sum
}
