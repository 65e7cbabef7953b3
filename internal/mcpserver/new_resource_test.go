package mcpserver

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/testkit/volumes"
)

// A kind of resource that one value adds has tools, schemas, elicitation and consent.
func TestNewResource(t *testing.T) {
	w := newWorld(t)
	disks := &volumes.API{Behind: w.sim}
	<-w.server.approvals.close()
	w.server = w.process("process-2", disks)
	w.server.Runner.Catalogue = volumes.Catalogue()
	k := w.legacy(forms)
	require.Subset(t, names(k.list()), []string{"servers_list", "volumes_create", "volumes_delete", "volumes_list"})
	for _, tool := range k.list() {
		if tool.Name == "volumes_delete" {
			require.JSONEq(t, `{"type":"object","properties":{"volume_id":{"type":"string","description":"Volume id; volumes_list has it"},`+
				`"dry_run":{"type":"boolean","description":"Show effect and request, send nothing"}},"required":["volume_id"],"additionalProperties":false}`, string(tool.InputSchema))
			require.Equal(t, true, tool.Annotations["destructiveHint"])
		}
	}
	consent := func(tool, args, answer string) string {
		_, coming := k.begin("tools/call", call(tool, args))
		q, reply := k.question()
		w.clock.Advance(readTime)
		reply(`"result":` + answer)
		require.Regexp(t, "^(Created|Deleted) volume data-1", k.result(coming).text())
		return q.Message
	}
	require.Contains(t, consent("volumes_create", `{"name":"data-1","location":"us-west"}`, `{"action":"accept","content":{"answer":"yes"}}`), "Creates the volume")
	require.Contains(t, k.call(call("volumes_list", `{}`)).text(), "data-1")
	require.Contains(t, consent("volumes_delete", `{"volume_id":1}`, accept("data-1")), "Deletes the volume")
	require.Equal(t, []string{"POST /volumes/", "DELETE /volumes/1/"}, disks.Writes())
}

func TestUnknownResource(t *testing.T) {
	for era, code := range map[string]int{"legacy": -32002, "modern": -32602} {
		t.Run(era, func(t *testing.T) {
			failed := eras[era](newWorld(t), forms).request("resources/read", `{"uri":"vps://\"none\""}`).Error
			require.Equal(t, code, failed.Code)
			require.JSONEq(t, `{"uri":"vps://\"none\""}`, string(failed.Data))
		})
	}
}
