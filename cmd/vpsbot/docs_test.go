package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/cli"
	"github.com/vpsbot/vpsbot/internal/testkit/volumes"
	"github.com/vpsbot/vpsbot/tools"
)

// golden compares with a file, or writes it under -update.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "a golden file is missing: go test ./cmd/vpsbot -update")
	require.Equal(t, string(want), string(got), "%s differs: if that is meant, go test ./cmd/vpsbot -update", path)
}

// docs/operations.md is generated from the operations.
func TestOperationsReference(t *testing.T) {
	t.Parallel()
	golden(t, "../../docs/operations.md", []byte(referencePage(tools.Default)))
}

// The page of another catalogue has its operations too.
func TestDocsOfANewResource(t *testing.T) {
	t.Parallel()
	page := referencePage(volumes.Catalogue())
	require.Contains(t, page, "## volumes.delete\n\nDeletes a volume for good.\n\n- request: `DELETE /volumes/{id}/`\n- the token needs: volumes:delete\n"+
		"- risk: destructive: a person types the name first\n")
	require.Contains(t, page, "vpsbot volumes delete 1\n")
}

func operationsTable(c *tools.Catalogue) string {
	var b strings.Builder
	b.WriteString("| operation | what it does | risk | the token needs |\n|---|---|---|---|\n")
	for _, op := range c.Operations() {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s |\n", op.Name, anchor(op.Name), op.Title, op.Risk, neededBy(op))
	}
	return b.String()
}

func anchor(name string) string { return strings.ReplaceAll(name, ".", "") }

func neededBy(op *tools.Op) string {
	if len(op.Needs) == 0 {
		return "to be valid"
	}
	return op.Needs.String()
}

var confirmations = map[bool]string{true: "a person types the name", false: "a person agrees"}

func referencePage(c *tools.Catalogue) string {
	var b strings.Builder
	b.WriteString(`# Operations

Every operation is an MCP tool (` + "`servers_reboot`" + `) and a terminal command (` + "`vpsbot servers reboot`" + `), with the same
checks. This page is made from the code: ` + "`go test ./cmd/vpsbot -update`" + `.

In every input an id may be given as a string or as a number, and a server by its id or its exact name. Memory is in MB,
storage and bandwidth in GB (the API's own pages state no unit; the values fit these), times are UTC. Prices are in the
currency of the account. The requests are those of the VPS.org REST API, https://admin.vps.org/api/v1.

VPS.org documents what each request does on one page a resource: account, servers, backups, snapshots, plans, domains, dns
([snapshots](https://www.vps.org/api/v1/docs/snapshots/), for example); servers.restore is on the backups page alone. Which
permission a request needs is documented for account.get only: the others are read from the table of permission words on
the account page. Where two are named, either is enough for vpsbot's check, and VPS.org has the last word.

The errors of all: 2 and nothing sent for an input that is wrong; 3 for what token or installation do not allow; 4 where a
person has not agreed; 5 where the answer to a change was lost. A change answers one envelope with ` + "`outcome`" + `, one of
done, dry_run, unknown, approval_required, declined, expired, stale, busy, refused.

Assistants have two tools more, which are no operations and read vpsbot's own records: ` + "`approvals_list`" + ` with server, state
(open or ended) and limit (10), and ` + "`audit_list`" + ` with server, operation, person, since, until and limit (20). At a terminal they
are ` + "`vpsbot approvals list` and `vpsbot audit list`" + `.

`)
	b.WriteString(operationsTable(c) + "\nread and change run at once; disruptive and billable want a person's yes; destructive wants the name typed.\n\n")
	for _, op := range c.Operations() {
		b.WriteString(reference(op))
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func reference(op *tools.Op) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n%s\n\n", op.Name, op.Description)
	fmt.Fprintf(&b, "- request: `%s`\n- the token needs: %s\n- risk: %s", op.Request, neededBy(op), op.Risk)
	if op.Risk.NeedsConsent() {
		b.WriteString(": " + confirmations[op.Risk.NeedsTypedName()] + " first")
	}
	if op.MayAskMore() {
		b.WriteString("; switching automatic backups off is disruptive: a person agrees first")
	}
	b.WriteString("\n")
	if len(op.Fields) > 0 {
		b.WriteString("\n| field | type | needed | |\n|---|---|---|---|\n")
	}
	for _, f := range op.Fields {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", f.Name, f.SchemaType(), yes(f.Required), f.Doc)
	}
	fmt.Fprintf(&b, "\n```\n%s\n```\n\n", cli.CommandLine(op, op.Examples[len(op.Examples)-1]))
	return b.String()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}
