package blocks

import (
	"strings"
	"unicode/utf8"

	"github.com/vpsbot/vpsbot/internal/approval"
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

// titled begins a label with a capital.
func titled(field string) string {
	s := label(field)
	if s == "" {
		return s
	}
	first, size := utf8.DecodeRuneInString(s)
	return strings.ToUpper(string(first)) + s[size:]
}

// asked is how a form asks for a field: "Plan" for "plan_id", which one picks by its name.
func asked(field string) string {
	if short := strings.TrimSuffix(titled(field), " ID"); short != "" {
		return short
	}
	return titled(field)
}

// noun names what a list holds: "Servers", "DNS zones".
func noun(op *tools.Op) string { return titled(strings.TrimSuffix(op.Name, ".list")) }

// asTyped is a field's explanation where no markup is shown: what it calls plans.list is typed
// /vps plans list here.
func asTyped(doc string) string { return tools.SpellNames(doc, slashCommand) }

// slashCommand is how an operation is typed: "/vps servers reboot".
func slashCommand(op *tools.Op) string { return "/vps " + strings.Replace(op.Name, ".", " ", 1) }

// titleOf names an operation for people, also one that no longer exists.
func titleOf(operation string) string {
	if op, ok := tools.Lookup(operation); ok {
		return op.Title
	}
	return operation
}

// surface says where somebody asked. A record may name the channel behind it.
func surface(s string) md {
	switch approval.ParseOrigin(s).Surface {
	case "mcp":
		return "over MCP"
	case "terminal":
		return "at a terminal"
	case "slack":
		return "in Slack"
	}
	return ""
}
