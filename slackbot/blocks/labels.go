package blocks

import (
	"slices"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

// capitals are the words of field names that are not written in small letters.
var capitals = map[string]string{
	"id": "ID", "ip": "IP", "ipv6": "IPv6", "os": "OS", "ssh": "SSH", "dns": "DNS", "cpu": "CPU", "vcpus": "vCPUs", "mb": "MB", "uuid": "UUID",
}

// label makes a field's name words: "ip_address" is "IP address".
func label(field string) string {
	parts := strings.FieldsFunc(field, func(c rune) bool { return c == '_' || c == '.' || c == ' ' })
	for i, p := range parts {
		if big, ok := capitals[p]; ok {
			parts[i] = big
		}
	}
	return strings.Join(parts, " ")
}

// capitalized begins a label with a capital.
func capitalized(field string) string {
	s := label(field)
	first := text.Cut(s, 1)
	return strings.ToUpper(first) + s[len(first):]
}

// listNoun names what a list holds: "Servers", "DNS zones".
func listNoun(op *tools.Op) string { return capitalized(strings.TrimSuffix(op.Name, ".list")) }

// spellCommands replaces the names of operations in a text by the commands to type: plans.list by /vps plans list.
func spellCommands(doc string) string { return tools.Default.SpellNames(doc, slashCommand) }

// slashCommand is how an operation is typed: "/vps servers reboot".
func slashCommand(op *tools.Op) string { return "/vps " + strings.Replace(op.Name, ".", " ", 1) }

// titleOf names an operation for people, also one that no longer exists.
func titleOf(c *tools.Catalogue, operation string) string {
	if op, ok := c.Lookup(operation); ok {
		return op.Title
	}
	return operation
}

var surfaces = map[string]md{"mcp": "over MCP", "terminal": "at a terminal", "slack": "in Slack"}

func surface(s string) md { return surfaces[approval.ParseOrigin(s).Surface] }

func account(name string) md { return labelled("Account ", codeName(name)) }

func until(at time.Time) md { return labelled("Open until ", date(at)) }

func asOf(now time.Time) md { return labelled("As of ", date(now)) }

// VPS.org's status words are an open set: any other has a mark of its own.
var (
	upStatuses       = []string{"active", "running", "completed", "available", "ready"}
	downStatuses     = []string{"stopped", "off", "suspended", "deleted", "expired"}
	changingStatuses = []string{"in_progress", "pending", "queued", "resizing"}
)

// statusMark shows a status at a glance.
func statusMark(status string) md {
	s := strings.ToLower(status)
	switch {
	case slices.Contains(upStatuses, s):
		return "🟢"
	case slices.Contains(downStatuses, s) || tools.IsFailedStatus(s):
		return "🔴"
	case slices.Contains(changingStatuses, s) || strings.HasSuffix(s, "ing"):
		return "🟡"
	}
	return "⚪"
}

func statusOf(status string) md {
	if blank(status) {
		return "⚪ unknown"
	}
	return statusMark(status) + " " + named(status)
}
