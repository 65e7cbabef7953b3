package tools

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
)

// What the read-backs of several operations share.

// newcomer looks for an id that did not exist when the card was made.
func (op *Op) newcomer(ctx context.Context, c *apiclient.Client, t Target, in any) (Evidence, error) {
	if !t.recorded {
		return Unclear, nil
	}
	ids, err := op.alike(ctx, c, t, in)
	for _, id := range ids {
		if !t.known[id.String()] {
			return Applied, err
		}
	}
	return NotSeen, err
}

func serversNamed(servers []apiclient.Server, name string) []apiclient.ID {
	var ids []apiclient.ID
	for _, s := range servers {
		if s.Name == name {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// backupsLike leaves out automatic backups, which come by themselves.
func backupsLike(backups []apiclient.Backup, server apiclient.ID, description string) []apiclient.ID {
	var ids []apiclient.ID
	for _, b := range backups {
		if b.Server.ID.Equal(server) && b.BackupType != "automatic" && b.Description == description {
			ids = append(ids, b.ID)
		}
	}
	return ids
}

func snapshotsNamed(snapshots []apiclient.Snapshot, server apiclient.ID, name string) []apiclient.ID {
	var ids []apiclient.ID
	for _, s := range snapshots {
		if s.Server.ID.Equal(server) && s.Name == name {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// statusIs takes one of the status words for the effect; any other word means otherwise.
func statusIs[In any](otherwise Evidence, words ...string) func(context.Context, *apiclient.Client, Target, In) (Evidence, error) {
	return func(ctx context.Context, c *apiclient.Client, t Target, _ In) (Evidence, error) {
		if slices.Contains(words, t.Server.Status) {
			return Unclear, nil // it was so before: that it still is shows nothing
		}
		s, err := c.Servers.Get(ctx, t.Server.ID)
		switch {
		case isNotFound(err):
			return Unclear, nil // a server that is gone says nothing of what was done to it before
		case slices.Contains(words, s.Status):
			return Applied, err
		}
		return otherwise, err
	}
}

func serverStatus(ctx context.Context, c *apiclient.Client, t Target, _ apiclient.ActionResult) (string, error) {
	s, err := c.Servers.Get(ctx, t.Server.ID)
	return s.Status, err
}

func goneUnless(there bool) Evidence {
	if there {
		return NotSeen
	}
	return Applied
}

// settings puts the fields of an update into a sentence.
func settings(name, hostname *string, backups *bool) string {
	var parts []string
	if name != nil {
		parts = append(parts, "name to "+quote(*name))
	}
	if hostname != nil {
		parts = append(parts, "hostname to "+quote(*hostname))
	}
	if backups != nil {
		parts = append(parts, "automatic backups to "+onOff(*backups))
	}
	return strings.Join(parts, ", ")
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func hasSettings(s apiclient.Server, name, hostname *string, backups *bool) Evidence {
	same := (name == nil || s.Name == *name) && (hostname == nil || s.Hostname == *hostname) &&
		(backups == nil || s.BackupsEnabled != nil && *s.BackupsEnabled == *backups)
	if same {
		return Applied
	}
	return NotSeen
}

// backupsOff makes switching automatic backups off a matter for a person. A server whose
// setting is not known counts as backed up.
func backupsOff(t Target, wanted *bool) permissions.Risk {
	off := t.Server.BackupsEnabled != nil && !*t.Server.BackupsEnabled
	if wanted != nil && !*wanted && !off {
		return permissions.Disruptive
	}
	return permissions.Change
}

func givenAny(names string, given ...bool) error {
	if slices.Contains(given, true) {
		return nil
	}
	return errors.New("nothing to change: give " + names)
}

func yesNo(b *bool) string {
	if b == nil {
		return ""
	}
	return strconv.FormatBool(*b)
}
