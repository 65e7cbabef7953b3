package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/sethvargo/go-envconfig"
	"github.com/stretchr/testify/require"
	"github.com/zalando/go-keyring"

	"github.com/vpsbot/vpsbot/internal/config"
)

// None of these tests runs beside another: go-keyring has one mock for the process.

func configuration(t *testing.T, home string, k *Keyring, profile string) config.Config {
	t.Helper()
	options := config.Options{Profile: config.Profile{Name: profile}}
	if k != nil {
		options.Keyring = k
	}
	cfg, err := config.ReadWith(t.Context(), envconfig.MapLookuper(map[string]string{"XDG_CONFIG_HOME": home}), "linux", options)
	require.NoError(t, err)
	return cfg
}

func newKeyring() *Keyring {
	return NewKeyring(envconfig.MapLookuper(map[string]string{"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}), "linux")
}

// A token is found again where it was kept, by another process too; each profile has its own.
func TestKeepAndForget(t *testing.T) {
	keyring.MockInit()
	home := t.TempDir()
	for _, k := range []*Keyring{newKeyring(), nil} {
		for _, profile := range []string{"", "prod"} {
			token := "vps_of_" + profile
			place, failed, err := Keep(configuration(t, home, k, profile), k, token)
			require.NoError(t, errors.Join(failed, err))
			require.Equal(t, k != nil, place == "the system's keyring", place)
		}
		for _, profile := range []string{"", "prod"} {
			second := newKeyring()
			if k == nil {
				second = nil
			}
			cfg := configuration(t, home, second, profile)
			got, err := cfg.Token()()
			require.NoError(t, err)
			require.Equal(t, "vps_of_"+profile, got)
			if second != nil {
				require.Equal(t, []string{got}, second.Seen())
			}
			places, err := Forget(cfg, second)
			require.NoError(t, err)
			require.Len(t, places, 1)
			_, err = cfg.Token()()
			require.ErrorIs(t, err, config.ErrNoToken)
			places, err = Forget(cfg, second)
			require.NoError(t, err)
			require.Empty(t, places)
		}
	}
	files, err := filepath.Glob(home + "/vpsbot/*")
	require.NoError(t, err)
	require.Equal(t, []string{home + "/vpsbot/profiles"}, files)
}

// A keyring that fails leaves the token to a file for this user alone, and says why.
func TestKeepWithoutTheKeyring(t *testing.T) {
	keyring.MockInitWithError(errors.New("it is locked"))
	home, k := t.TempDir(), newKeyring()
	cfg := configuration(t, home, k, "")
	place, failed, err := Keep(cfg, k, "vps_hush")
	require.NoError(t, err)
	require.EqualError(t, failed, "it is locked")
	path := filepath.Join(home, "vpsbot", "token")
	require.Equal(t, "the file "+path, place)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, "-rw-------", info.Mode().String())
	token, err := cfg.Token()()
	require.NoError(t, err)
	require.Equal(t, "vps_hush", token)
	_, err = Forget(cfg, k)
	require.EqualError(t, err, "the system's keyring: it is locked")
	require.NoFileExists(t, path)
	_, _, err = Keep(configuration(t, "relative", nil, ""), nil, "vps_hush")
	require.ErrorContains(t, err, "set HOME")
}

// A bus without a keyring, as a server has one, is no keyring.
func TestBusWithoutAKeyring(t *testing.T) {
	for _, says := range []string{"The name org.freedesktop.secrets was not provided by any .service files", "The name is not activatable"} {
		keyring.MockInitWithError(errors.New(says))
		home, k := t.TempDir(), newKeyring()
		cfg := configuration(t, home, k, "")
		_, err := cfg.Token()()
		require.Equal(t, config.ErrNoToken, err, "not one that names the keyring")
		place, failed, err := Keep(cfg, k, "vps_hush")
		require.NoError(t, errors.Join(failed, err))
		require.Equal(t, "the file "+filepath.Join(home, "vpsbot", "token"), place)
		places, err := Forget(cfg, k)
		require.NoError(t, err)
		require.Equal(t, []string{place}, places)
	}
}

// What the keyring has answered counts for half a minute, its no as well.
func TestKeyringIsNotAskedTwice(t *testing.T) {
	keyring.MockInit()
	k := newKeyring()
	_, err := k.Token("token")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, keyring.Set(service, "token", "vps_a"))
	_, err = k.Token("token")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, k.change("token", func() error { return keyring.Set(service, "token", "vps_b") }))
	got, err := k.Token("token")
	require.NoError(t, err)
	require.Equal(t, "vps_b", got)
	k.read["token"] = answer{token: "vps_b"} // long ago
	require.NoError(t, keyring.Set(service, "token", "vps_c"))
	got, err = k.Token("token")
	require.NoError(t, err)
	require.Equal(t, "vps_c", got)
	require.Equal(t, []string{"vps_b", "vps_c"}, k.Seen())
}

// Without a session bus there is no keyring, and none is started.
func TestNewKeyring(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(folder+"/bus", nil, 0o600))
	for name, test := range map[string]struct {
		goos string
		env  map[string]string
		want bool
	}{
		"no bus": {"linux", nil, false}, "a bus that would be started": {"linux", map[string]string{"DBUS_SESSION_BUS_ADDRESS": "autolaunch:"}, false},
		"an address": {"linux", map[string]string{"DBUS_SESSION_BUS_ADDRESS": "unix:path=/x"}, true}, "a socket elsewhere": {"linux", map[string]string{"XDG_RUNTIME_DIR": folder}, false},
		"darwin": {"darwin", nil, true}, "windows": {"windows", nil, true},
	} {
		require.Equal(t, test.want, NewKeyring(envconfig.MapLookuper(test.env), test.goos) != nil, name)
	}
	_, err := os.Stat(fmt.Sprintf("/run/user/%d/bus", os.Getuid())) // a person's session has it
	require.Equal(t, err == nil, NewKeyring(envconfig.MapLookuper(map[string]string{"HOME": "/home/ada"}), "linux") != nil)
}

// A keyring that does not answer is left alone after a minute, and what it says later reaches nobody.
func TestKeyringIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := make(chan struct{})
		token, err := within(func() (string, error) {
			<-late
			return "vps_late", nil
		})
		require.ErrorIs(t, err, errSilent)
		close(late)
		synctest.Wait()
		require.Empty(t, token)
	})
}
