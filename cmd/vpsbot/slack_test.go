package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The manifests in deploy are the output of the program with all features. After a change:
// go test ./cmd/vpsbot -run TestManifestsInDeploy -update
func TestManifestsInDeploy(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{
		"slack-manifest.http.json":   {"--url", "https://vpsbot.example.com"},
		"slack-manifest.socket.json": {"--socket"},
	} {
		out, errs, code := newSandbox(t).run(t.Context(), append([]string{"slack", "manifest", "--home", "--files", "--groups"}, flags...)...)
		require.Zero(t, code, errs)
		golden(t, "../../deploy/"+name, []byte(out))
	}
}
