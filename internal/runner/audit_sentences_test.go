package runner_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

func formatter() runner.AuditFormatter {
	return runner.AuditFormatter{Policy: permissions.Policy{Book: &permissions.Rulebook{People: []permissions.Person{
		{ID: "ada", Identities: []permissions.Actor{"local:ada", "slack:U0ADA", "key:ada"}}, {ID: "nora", Identities: []permissions.Actor{"slack:U0NORA"}},
	}}}}
}

// Each row of the log is a sentence that a person understands without the table.
func TestRowsAsSentences(t *testing.T) {
	t.Parallel()
	const subject = "servers.delete of “prod-1” (ada@example.com)"
	delete := audit.Row{Actor: "local:ada", Surface: "terminal", Operation: "servers.delete", Target: "server:12345 (prod-1)", Approval: "a", Approver: "nora"}
	for _, c := range []struct {
		edit func(*audit.Row)
		says string
	}{
		{func(r *audit.Row) { r.Decision, r.Approver = audit.Asked, "" }, "ada asked to delete prod-1"},
		{func(r *audit.Row) { r.Decision, r.Reason = audit.Approved, "agreed in: slack" }, "nora agreed to ada's request to delete prod-1 in Slack"},
		{func(r *audit.Row) {
			r.Decision, r.Reason = audit.Denied, subject+" was denied by slack:U0NORA: not today. Nothing was sent."
		}, "nora denied ada's request to delete prod-1: not today"},
		{func(r *audit.Row) {
			r.Decision, r.Reason = audit.Denied, subject+" was denied by slack:U0NORA. Nothing was sent."
		}, "nora denied ada's request to delete prod-1"},
		{func(r *audit.Row) {
			r.Decision, r.Reason = audit.Denied, "Delete prod-1: denied by slack:U0NORA: not today. Nothing was sent."
		}, "nora denied ada's request to delete prod-1: not today"},
		{func(r *audit.Row) {
			r.Decision, r.Reason = audit.Cancelled, "Delete prod-1: cancelled by local:ada. Nothing was sent."
		}, "ada's request to delete prod-1 was cancelled"},
		{func(r *audit.Row) {
			r.Decision, r.Approver, r.Reason = audit.Cancelled, "", "Delete prod-1: the answer was no. Nothing was sent."
		}, "ada's request to delete prod-1 was cancelled: the answer was no"},
		{func(r *audit.Row) {
			r.Decision, r.Outcome, r.Reason = audit.Allowed, audit.Failed, "Delete prod-1: it did not happen. VPS.org says: it is locked."
		}, "ada failed to delete prod-1: VPS.org says: it is locked"},
		{func(r *audit.Row) {
			r.Decision, r.Reason = audit.Refused, "servers.delete is refused: no rule of the policy allows it"
		}, "ada's request to delete prod-1 was refused: no rule of the policy allows it"},
		{func(r *audit.Row) { r.Decision, r.Approver, r.Reason = audit.Approved, "ada", "agreed in: terminal" }, "ada agreed to their own request to delete prod-1 at a terminal"},
		{func(r *audit.Row) { r.Decision, r.Approver = audit.Denied, "" }, "ada's request to delete prod-1 was denied"},
		{func(r *audit.Row) { r.Decision, r.Approver = audit.Denied, "ada" }, "ada denied their own request to delete prod-1"},
		{func(r *audit.Row) { r.Decision, r.Approver = audit.Cancelled, "ada" }, "ada's request to delete prod-1 was cancelled"},
		{func(r *audit.Row) {
			r.Decision, r.Reason = audit.Cancelled, subject+": it was cancelled by local:ada. Nothing was sent."
		}, "ada's request to delete prod-1 was cancelled"},
		{func(r *audit.Row) {
			r.Decision, r.Reason = audit.Cancelled, "servers.delete of “prod-1” was refused: at most 5 deletions in an hour. Nothing was sent."
		}, "ada's request to delete prod-1 was cancelled: at most 5 deletions in an hour"},
		{func(r *audit.Row) { r.Decision = audit.Expired }, "ada's request to delete prod-1 expired: nobody answered in time"},
		{func(r *audit.Row) {
			r.Decision, r.Reason = audit.Expired, subject+" was agreed to, but its requester's side did not run it in time. Nothing was sent."
		}, "ada's request to delete prod-1 expired: was agreed to, but its requester's side did not run it in time"},
		{func(r *audit.Row) { r.Decision = audit.Stale }, "ada's request to delete prod-1 was dropped: the target had changed"},
		{func(r *audit.Row) {
			r.Decision, r.Reason = audit.Stale, "Nothing was sent: the target has changed since it was shown: status was “active” and is now “stopped”."
		}, "ada's request to delete prod-1 was dropped: the target has changed since it was shown: status was \"active\" and is now \"stopped\""},
		{func(r *audit.Row) { r.Decision, r.Reason = audit.Refused, "the policy's rule \"x\" forbids it" }, "ada's request to delete prod-1 was refused: the policy's rule \"x\" forbids it"},
		{func(r *audit.Row) { r.Decision = audit.Allowed }, "ada began to delete prod-1, agreed by nora in Slack"},
		{func(r *audit.Row) { r.Decision, r.Outcome = audit.Allowed, audit.Done }, "ada deleted prod-1, agreed by nora in Slack"},
		{func(r *audit.Row) {
			r.Decision, r.Outcome, r.Reason = audit.Allowed, audit.Failed, subject+" did not happen. VPS.org says: it is locked."
		}, "ada failed to delete prod-1: VPS.org says: it is locked"},
		{func(r *audit.Row) { r.Decision, r.Outcome = audit.Allowed, audit.Unknown }, "it is not known whether ada deleted prod-1, agreed by nora in Slack"},
		{func(r *audit.Row) { r.Decision, r.Outcome = audit.Allowed, audit.NotApplied }, "ada did not delete prod-1, agreed by nora in Slack"},
		{func(r *audit.Row) { r.Decision, r.Outcome = audit.Allowed, audit.NeedsHuman }, "only a person who looks can tell whether ada deleted prod-1"},
		{func(r *audit.Row) { r.Decision, r.Outcome = audit.Settled, audit.Done }, "ada deleted prod-1, as was found out later"},
		{func(r *audit.Row) { r.Decision, r.Outcome = audit.Settled, audit.NotApplied }, "ada did not delete prod-1, as was found out later"},
		{func(r *audit.Row) { r.Decision, r.Outcome = audit.Settled, audit.NeedsHuman }, "only a person who looks can tell whether ada deleted prod-1"},
		{func(r *audit.Row) {
			r.Decision, r.Outcome, r.Reason = audit.Settled, audit.Failed, "It was accepted, and ended with status failed."
		}, "ada failed to delete prod-1: It was accepted, and ended with status failed"},
		{func(r *audit.Row) { r.Decision, r.Outcome, r.Surface = audit.Allowed, audit.Done, "mcp:http" }, "ada's assistant deleted prod-1, agreed by nora in Slack"},
		{func(r *audit.Row) { r.Decision, r.Outcome, r.Approver = audit.Allowed, audit.Done, "ada" }, "ada deleted prod-1"},
		{func(r *audit.Row) {
			r.Decision, r.Outcome, r.Approver, r.Surface = audit.Allowed, audit.Done, "ada", "mcp"
		}, "ada's assistant deleted prod-1, agreed by ada in Slack"},
		{func(r *audit.Row) { r.Decision, r.Approver, r.Target, r.Approval = audit.Refused, "", "", "" }, "ada's request to delete a server was refused"},
		{func(r *audit.Row) {
			r.Decision, r.Outcome, r.Approver, r.Operation, r.Target = audit.Allowed, audit.Done, "", "backups.delete", "server:1 (backup 499 of web-1)"
		}, "ada deleted backup 499 of web-1"},
		{func(r *audit.Row) {
			r.Decision, r.Operation, r.Target, r.Approval, r.Approver = audit.Allowed, "servers.get", "web-1", "", ""
		}, "ada ran servers.get of “web-1”"},
		{func(r *audit.Row) { r.Decision, r.Operation, r.Target = audit.Allowed, "volumes.grow", "volume:1" }, "ada began to run volumes.grow of “volume:1”, agreed by nora in Slack"},
		{func(r *audit.Row) {
			*r = audit.Row{Actor: "key:ci", Operation: "keys.create", Target: "deploy", Decision: audit.Allowed}
		}, "key ci created the access key deploy"},
		{func(r *audit.Row) { *r = audit.Row{Actor: "slack:U9", Operation: "freeze", Decision: audit.Allowed} }, "Slack user U9 froze all changes"},
		{func(r *audit.Row) {
			*r = audit.Row{Operation: "freeze.lift", Decision: audit.Refused, Reason: "it is for a person at a terminal"}
		}, "somebody's request to lift the freeze was refused: it is for a person at a terminal"},
		{func(r *audit.Row) {
			*r = audit.Row{Actor: "key:ci", Operation: "audit.key", Decision: audit.Refused}
		}, "key ci's request to make the key that signs the log was refused"},
		{func(r *audit.Row) {
			*r = audit.Row{Actor: "key:ci", Operation: "audit.key", Target: "vpsbot+1a", Decision: audit.Allowed}
		}, "key ci made the key vpsbot+1a that signs the log"},
		{func(r *audit.Row) { *r = audit.LateRow(3, 9) }, "vpsbot signed late what is in audit:3-9"},
		{func(r *audit.Row) { r.Decision = "vanished" }, "ada's request to delete prod-1 is recorded as vanished"},
		{func(r *audit.Row) { r.Decision, r.Outcome = audit.Allowed, "half" }, "ada's request to delete prod-1 ended as half"},
	} {
		row := delete
		c.edit(&row)
		require.Equal(t, c.says, formatter().Sentence(row, map[string]string{row.Approver: "slack"}))
	}
}

// What others chose steers no terminal, and cannot pass for the words of the sentence.
func TestSentencesAreClean(t *testing.T) {
	t.Parallel()
	hostile := "a\x1b[2J\u202e deleted prod-1, agreed by nora\n14:02 x"
	for _, decision := range append(audit.Decisions, "") {
		for _, outcome := range append(audit.Outcomes, "") {
			for _, operation := range []string{"servers.delete", "servers.get", "keys.create", hostile} {
				says := formatter().Sentence(audit.Row{
					Actor: hostile, Surface: hostile, Operation: operation, Target: "server:1 (" + hostile + ")", Approver: hostile, Reason: hostile, Decision: decision, Outcome: outcome,
				}, map[string]string{hostile: hostile})
				require.NotContains(t, says, "\x1b")
				require.NotContains(t, says, "\u202e")
				require.NotContains(t, says, "\n")
				if operation == "servers.delete" {
					require.Contains(t, says, text.Quote(hostile), "the name is in quotation marks")
				}
			}
		}
	}
}

func TestRowsThatAnotherEndedAreLeftOut(t *testing.T) {
	t.Parallel()
	began := audit.Row{Seq: 2, Actor: "local:ada", Surface: "terminal", Operation: "servers.stop", Target: "server:1 (web-1)", Approval: "a", Approver: "nora", Decision: audit.Allowed}
	agreed, done, other := began, began, began
	agreed.Seq, agreed.Decision, agreed.Reason = 1, audit.Approved, "agreed in: terminal"
	done.Seq, done.Outcome = 3, audit.Done
	other.Seq, other.Approval, other.Reason = 4, "b", "answered by a flag"
	var says []string
	for _, row := range formatter().Format([]audit.Row{agreed, began, done, other}) {
		says = append(says, row.Text)
	}
	second := agreed // the asker's own yes came last, and is not all that is said
	second.Approval, second.Approver, second.Reason = "c", "ada", "agreed in: mcp"
	first, end := second, done
	first.Approver, first.Reason, end.Approval, end.Approver = "slack:U7", "agreed in: slack", "c", "slack:U7, ada"
	require.Equal(t, "ada stopped web-1, agreed by Slack user U7", formatter().Format([]audit.Row{end})[0].Text, "without the rows of the answers")
	require.Equal(t, "ada stopped web-1, agreed by Slack user U7 in Slack", formatter().Format([]audit.Row{first, second, end})[2].Text)
	require.Equal(t, "Slack user U7 and ada", formatter().Format([]audit.Row{first, second, end})[2].AnsweredBy)
	end.Surface = "mcp"
	require.Equal(t, "ada's assistant stopped web-1, agreed by Slack user U7 in Slack and ada in the assistant's form", formatter().Format([]audit.Row{first, second, end})[2].Text)
	require.Equal(t, []string{
		"nora agreed to ada's request to stop web-1 at a terminal", "ada stopped web-1, agreed by nora at a terminal", "ada began to stop web-1, agreed by nora by a flag",
	}, says)
}

func TestOperationsAsTheyAreTyped(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"servers.delete": "servers.delete", "servers_delete": "servers.delete", "*.delete": "*.delete", "*_delete": "*.delete", "delete": "*.delete",
		"servers.*": "servers.*", "freeze": "freeze", "keys.create": "keys.create", "keys_create": "keys.create", "": "",
	} {
		glob, err := runner.OperationGlob(nil, typed)
		require.NoError(t, err, typed)
		require.Equal(t, want, glob)
	}
	for typed, next := range map[string]string{"servers.delet": "did you mean servers.delete", "frobnicate": "name one such as", strings.Repeat("x", 10_000): "name one"} {
		_, err := runner.OperationGlob(nil, typed)
		require.ErrorContains(t, err, next)
	}
}
