package cli

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/tools"
)

func apiID(t *testing.T, s string) apiclient.ID {
	id, err := apiclient.ParseID(s)
	require.NoError(t, err)
	return id
}

// Each answer becomes the value of its field, or the reason why it does not.
func TestAnswersToFields(t *testing.T) {
	t.Parallel()
	ubuntu := apiclient.OSRef{ID: apiID(t, "5"), Name: "Ubuntu 22.04 LTS"}
	servers := []apiclient.Server{
		{ID: apiID(t, "1"), Name: "web-1", Hostname: "one.example.com", OS: ubuntu},
		{ID: apiID(t, "2"), Name: "twin", OS: ubuntu},
		{ID: apiID(t, "3"), Name: "twin"},
	}
	plans := []apiclient.Plan{
		{ID: apiID(t, "7"), Name: "Big VPS", Slug: "big", Locations: []string{"us-west"}},
		{ID: apiID(t, "8"), Name: "Small VPS", Slug: "small", Locations: []string{"us-west", "eu-central"}},
	}
	listed := tools.Listing[apiclient.Server]{Results: servers}
	of := func(operation, plan string) asking {
		op, ok := tools.Default.Lookup(operation)
		require.True(t, ok)
		return asking{op: op, values: map[string]string{"plan_id": plan}}
	}
	for _, c := range []struct {
		offer         offer
		field, answer string
		want, wrong   string
	}{
		{of("servers.stop", "").servers(servers), "server", "web-1", "web-1", ""},
		{of("servers.stop", "").servers(servers), "server", "one.example.com", "one.example.com", ""},
		{of("servers.stop", "").servers(servers), "server", "2", "2", ""},
		{of("servers.stop", "").servers(servers), "server", "Web-1", "", "no server is called “Web-1”; did you mean “web-1”"},
		{of("servers.stop", "").servers(servers), "server", "", "", "server is needed"},
		{of("servers.get", "").servers(servers), "server", "Web-1", "Web-1", ""},
		{of("servers.stop", "").servers(nil), "server", "any", "any", ""},
		{systems(listed), "os_id", "ubuntu 22.04 lts", "5", ""},
		{systems(listed), "os_id", "6", "6", ""},
		{systems(listed), "os_id", "debian", "", "os_id is not an id"},
		{of("servers.create", "big").locations(plans), "location", "US-west", "us-west", ""},
		{of("servers.create", "7").locations(plans), "location", "eu-central", "", "location must be one of those above"},
		{of("servers.create", "SMALL VPS").locations(plans), "location", "eu-central", "eu-central", ""},
		{of("servers.create", "7").locations(nil), "location", "moon", "moon", ""},
		{offer{value: freeName(servers)}, "name", "WEB-1", "", "there is a server called “WEB-1” already"},
		{offer{value: freeName(servers)}, "name", "web-2", "web-2", ""},
		{offer{value: yesNoValue}, "backups_enabled", "On", "true", ""},
		{offer{value: yesNoValue}, "backups_enabled", "perhaps", "", "answer yes or no"},
	} {
		op, _ := tools.Default.Lookup("servers.create")
		if c.field == "server" {
			op, _ = tools.Default.Lookup("servers.stop")
		}
		field, ok := op.Field(c.field)
		require.True(t, ok)
		value, err := asking{op: op}.read(field, c.offer, c.answer)
		if c.wrong != "" {
			require.ErrorContains(t, err, c.wrong, c.answer)
			continue
		}
		require.NoError(t, err, c.answer)
		require.Equal(t, c.want, value)
		require.NoError(t, fieldtext.Check(op, c.field, value))
	}
	require.Len(t, systems(listed).table.Rows, 1)
}
