package audit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFilter(t *testing.T) {
	row := sample(7)
	for name, c := range map[string]struct {
		filter Filter
		want   bool
	}{
		"everything":        {Filter{}, true},
		"actor":             {Filter{Actor: "local:alice"}, true},
		"other actor":       {Filter{Actor: "local:ali"}, false},
		"operation":         {Filter{Operation: "servers.delete"}, true},
		"other operation":   {Filter{Operation: "servers.get"}, false},
		"resource glob":     {Filter{Operation: "servers.*"}, true},
		"action glob":       {Filter{Operation: "*.delete"}, true},
		"other glob":        {Filter{Operation: "backups.*"}, false},
		"malformed glob":    {Filter{Operation: "["}, false},
		"whole target":      {Filter{Target: "server:12345 (web-server-01)"}, true},
		"part of a target":  {Filter{Target: "45 (web"}, true},
		"other target":      {Filter{Target: "server:2345"}, false},
		"approval":          {Filter{Approval: "f00"}, true},
		"other approval":    {Filter{Approval: "f0"}, false},
		"decision":          {Filter{Decision: "approved"}, true},
		"other decision":    {Filter{Decision: "denied"}, false},
		"outcome":           {Filter{Outcome: "done"}, true},
		"other outcome":     {Filter{Outcome: "failed"}, false},
		"since its time":    {Filter{Since: row.At}, true},
		"since later":       {Filter{Since: row.At.Add(1)}, false},
		"until its time":    {Filter{Until: row.At}, false},
		"until later":       {Filter{Until: row.At.Add(time.Nanosecond)}, true},
		"after the last":    {Filter{After: 6}, true},
		"after itself":      {Filter{After: 7}, false},
		"limit is no match": {Filter{Limit: 1}, true},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, c.filter.Match(row)) })
	}
	require.NoError(t, Filter{Operation: "servers.*"}.Valid())
	require.Error(t, Filter{Operation: "servers.["}.Valid())
}
