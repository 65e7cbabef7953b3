package permissions_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/permissions"
)

// What is named to a person can be given to a token: VPS.org has no words for some of what its
// own permissions cover.
func TestNeedsAreNamedInWordsThatVPSOrgHas(t *testing.T) {
	for want, needs := range map[string]permissions.Needs{
		"servers:backup or backups:*":     permissions.AnyOf("servers:backup", "backups:create"),
		"backups:*":                       permissions.AnyOf("backups:delete"),
		"servers:snapshot or snapshots:*": permissions.AnyOf("servers:snapshot", "snapshots:create", "snapshots:restore"),
		"snapshots:delete":                permissions.AnyOf("snapshots:delete"),
		"servers:list":                    permissions.AnyOf("servers:list"),
		"dns:*":                           permissions.AnyOf("dns:*"),
		"new-resource:read":               permissions.AnyOf("new-resource:read"),
	} {
		require.Equal(t, want, needs.String())
		for _, p := range needs.Grantable() {
			require.True(t, needs.MetBy(permissions.Grants{p}), "%s is enough", p)
		}
	}
}
