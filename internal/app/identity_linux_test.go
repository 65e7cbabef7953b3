package app

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIsFirstNamespace(t *testing.T) {
	for ids, want := range map[string]bool{
		"         0          0 4294967295\n":                   true,
		"         0       1000          1\n":                   false,
		"      1001       1000          1\n":                   false,
		"         0     100000      65536\n":                   false,
		"         0       1000          1\n 1  100000 65536\n": false,
		"         0          0 4294967295\n 1  100000 65536\n": false,
		"": false,
	} {
		require.Equal(t, want, isFirstNamespace(ids), ids)
	}
}

func TestInUserNamespace(t *testing.T) {
	if os.Getenv("VPSBOT_TEST_NAMESPACE") != "" {
		require.True(t, inUserNamespace())
		return
	}
	raw, err := os.ReadFile("/proc/self/uid_map")
	require.NoError(t, err)
	require.Equal(t, !isFirstNamespace(string(raw)), inUserNamespace())
	inside := exec.CommandContext(t.Context(), "unshare", "--user", "--map-root-user", os.Args[0], "-test.run=^TestInUserNamespace$", "-test.v")
	inside.Env = append(os.Environ(), "VPSBOT_TEST_NAMESPACE=1")
	if said, err := inside.CombinedOutput(); err != nil {
		t.Logf("no user namespace can be made here: %v\n%s", err, said)
		require.NotContains(t, string(said), "--- FAIL")
	}
}
