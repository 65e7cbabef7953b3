package tools

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

// What the read-backs of several operations share.

// Finding is what a read-back brought: what it shows, and the thing that was created, if it is one.
type Finding struct {
	Evidence   Evidence
	Created    any
	RetryAfter time.Duration // how long the API wants to be left alone
}

// newIDEvidence looks for something that did not exist when the card was made.
func (op *Op) newIDEvidence(ctx context.Context, c *apiclient.Client, t Target, in any) (Finding, error) {
	if t.ExistingIDs == nil {
		return Finding{Evidence: Unclear}, nil
	}
	all, err := op.Candidates(ctx, c, t, in)
	for _, one := range all {
		if !t.ExistingIDs[Summarize(one).ID.Key()] {
			return Finding{Evidence: Applied, Created: one}, err
		}
	}
	return Finding{Evidence: NotSeen}, err
}

// SameName compares names as an API may spell them anew.
func SameName(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b)) }

// statusIs takes one of the status words for the effect. That nothing happened is shown only by
// the very status of before, and only where otherwise says so; another word proves nothing.
func statusIs[In any](otherwise Evidence, words ...string) func(context.Context, *apiclient.Client, Target, In) (Evidence, error) {
	return func(ctx context.Context, c *apiclient.Client, t Target, _ In) (Evidence, error) {
		if slices.Contains(words, t.Server.Status) {
			return Unclear, nil // it was so before: that it still is shows nothing
		}
		s, err := c.Servers.Get(ctx, t.Server.ID)
		switch {
		case apiclient.IsNotFound(err):
			return Unclear, nil // a server that is gone says nothing of what was done to it before
		case err != nil:
			return Unclear, err
		case slices.Contains(words, s.Status):
			return Applied, nil
		case s.Status != "" && s.Status == t.Server.Status:
			return otherwise, nil
		}
		return Unclear, nil
	}
}

// FollowServer reads the status of the server that something is done to.
func FollowServer(ctx context.Context, c *apiclient.Client, t Target, out apiclient.ActionResult) (apiclient.ActionResult, error) {
	s, err := c.Servers.Get(ctx, t.Server.ID)
	if err == nil {
		out.Server = apiclient.Ref{ID: s.ID, Name: s.Name, Status: s.Status}
	}
	return out, err
}

// lister reads the backups or snapshots of a server, or of all where the id is zero.
type lister[T Summarized] func(ctx context.Context, c *apiclient.Client, server apiclient.ID) ([]T, error)

func listBackups(ctx context.Context, c *apiclient.Client, server apiclient.ID) ([]apiclient.Backup, error) {
	return c.Backups.List(ctx, apiclient.BackupFilter{ServerID: server})
}

func listSnapshots(ctx context.Context, c *apiclient.Client, server apiclient.ID) ([]apiclient.Snapshot, error) {
	return c.Snapshots.List(ctx, apiclient.SnapshotFilter{ServerID: server})
}

// goneFrom is the evidence of a deletion: that the thing is no longer in its list.
func goneFrom[In any, T Summarized](list lister[T]) func(context.Context, *apiclient.Client, Target, In) (Evidence, error) {
	return func(ctx context.Context, c *apiclient.Client, t Target, _ In) (Evidence, error) {
		all, err := list(ctx, c, apiclient.ID{})
		if still, there := find(all, t.ID); there {
			return standing(still.Summary().Status), err
		}
		return Applied, err
	}
}

// followIn reads what was made of a server as its list has it by now.
func followIn[T Summarized](list lister[T]) func(context.Context, *apiclient.Client, Target, T) (T, error) {
	return func(ctx context.Context, c *apiclient.Client, t Target, out T) (T, error) {
		all, err := list(ctx, c, t.ID)
		if now, found := find(all, out.Summary().ID); found {
			return now, nil
		}
		return out, err
	}
}

// standing is what an object that should be gone shows by still being there: nothing happened,
// unless its status is a word that VPS.org does not document, such as that of its end.
func standing(status string) Evidence {
	if slices.Contains(ends, status) || slices.Contains(documented, status) {
		return NotSeen
	}
	return Unclear
}

// settings puts the fields of an update into a sentence.
func settings(name, hostname *string, backups *bool) string {
	var parts []string
	if name != nil {
		parts = append(parts, "name to "+text.Quote(*name))
	}
	if hostname != nil {
		parts = append(parts, "hostname to "+text.Quote(*hostname))
	}
	switch {
	case backups == nil:
	case *backups:
		parts = append(parts, "automatic backups to on")
	default:
		parts = append(parts, "automatic backups to off")
	}
	return strings.Join(parts, ", ")
}

// hasSettings compares a server's settings with the wanted ones and those of before: a setting
// that the API does not show, or that is neither, proves nothing.
func hasSettings(now, before apiclient.Server, name, hostname *string, backups *bool) Evidence {
	var seen []Evidence
	if name != nil {
		seen = append(seen, setting(now.Name, before.Name, *name))
	}
	if hostname != nil {
		seen = append(seen, setting(now.Hostname, before.Hostname, *hostname))
	}
	if backups != nil {
		seen = append(seen, setting(TrueFalse(now.BackupsEnabled), TrueFalse(before.BackupsEnabled), TrueFalse(backups)))
	}
	changed, unchanged := slices.Contains(seen, Applied), slices.Contains(seen, NotSeen)
	switch {
	case slices.Contains(seen, Unclear), changed && unchanged:
		return Unclear
	case unchanged:
		return NotSeen
	}
	return Applied
}

// setting returns what one setting shows; "" where it was before as it should become.
func setting(now, before, wanted string) Evidence {
	switch {
	case now == "":
		return Unclear
	case now == wanted && before == wanted:
		return ""
	case now == wanted:
		return Applied
	case now == before:
		return NotSeen
	case SameName(now, wanted):
		return Applied
	}
	return Unclear
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

// TrueFalse is a flag as a fact of the fingerprint; "" where VPS.org did not give it.
func TrueFalse(b *bool) string {
	if b == nil {
		return ""
	}
	return strconv.FormatBool(*b)
}

// VPS.org's status words are an open set. These are known to be ends, and those to be on
// the way; a word that nobody knows is an end once it has stood still for three looks.
var (
	ends       = []string{"active", "stopped", "suspended", "completed"}
	documented = []string{"provisioning", "starting", "stopping", "rebooting", "restoring", "in_progress"} // on the way
	moving     = append([]string{"", "pending", "creating", "queued"}, documented...)
)

// StillFor is how many reads of the same unknown status count as an end.
const StillFor = 3

// IsSettledStatus reports whether a status is an end, having stood for so many looks.
func IsSettledStatus(status string, looks int) bool {
	if slices.Contains(moving, status) {
		return false
	}
	return slices.Contains(ends, status) || IsFailedStatus(status) || looks >= StillFor
}

// IsFailedStatus recognises the words of failure that VPS.org may have; none is documented.
func IsFailedStatus(status string) bool {
	s := strings.ToLower(status)
	return strings.Contains(s, "fail") || strings.Contains(s, "error")
}
