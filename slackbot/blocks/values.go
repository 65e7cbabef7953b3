package blocks

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

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

// renderers are the columns and fields of results that are not rendered as plain text.
var renderers = map[string]func(string) md{
	"id": code, "uuid": code, "ip_address": code, "ipv6_address": code, "hostname": code, "address": code,
	"email": code, "slug": code, "nameservers": code, "permissions": codes,
	"status":  statusOf,
	"size_mb": unit(" MB"), "memory": megabytes, "memory_used": megabytes,
	"storage": unit(" GB"), "disk_used": unit(" GB"), "bandwidth": unit(" GB a month"), "bandwidth_used": unit(" GB"),
	"cpu_percent":   unit(" %"),
	"price_monthly": func(s string) md { return esc(s) + " a month" },
	"price_hourly":  func(s string) md { return esc(s) + " an hour" },
}

// unit renders a number with its unit, which VPS.org does not give. Any other text has its own.
func unit(of md) func(string) md {
	return func(s string) md {
		if isNumber(s) {
			return esc(s) + of
		}
		return esc(s)
	}
}

// megabytes renders a number of MB, in GB where it is a whole number of them.
func megabytes(s string) md {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 1024 && n%1024 == 0 {
		return number(n/1024) + " GB"
	}
	return unit(" MB")(s)
}

// value shows one value of a result. Fields of objects inside have dotted names.
func value(name, s string) md {
	if blank(s) {
		return ""
	}
	if at, err := time.Parse(time.RFC3339, s); err == nil && date(at) != "" {
		return date(at)
	}
	if show, ok := renderers[name[strings.LastIndex(name, ".")+1:]]; ok {
		return show(s)
	}
	switch s {
	case "true":
		return "yes"
	case "false":
		return "no"
	}
	return esc(s)
}

func codes(s string) md {
	return join(" ", text.Map(strings.Split(truncate(s, longestText), ", "), code)...)
}

// isNumber reports whether a text is a decimal number such as -1.5.
var isNumber = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`).MatchString

// cellLabels are the words before values that are ambiguous alone.
var cellLabels = map[string]md{
	"created_at": "created", "expires_at": "expires", "expiration_date": "expires", "updated_at": "updated", "registration_date": "registered",
	"server": "of", "dns_managed_by": "DNS by", "record_count": "records", "vcpus": "vCPUs",
	"memory": "memory", "storage": "disk", "bandwidth": "traffic",
}

// cell shows one value of a row, with its label where it needs one.
func cell(name, s string) md {
	v := value(name, s)
	word, ok := cellLabels[name]
	switch {
	case v == "":
		return ""
	case ok:
		return word + " " + v
	case booleanWords[name][s] != "":
		return booleanWords[name][s]
	case s == "true", s == "false", isNumber(s) && renderers[name] == nil:
		return esc(text.Label(name)) + " " + v
	}
	return v
}

var booleanWords = map[string]map[string]md{
	"auto_renew": {"true": "renews itself", "false": "does not renew itself"},
	"locked":     {"true": "locked", "false": "not locked"},
}

const mostLines = 60

func lines(raw []byte) []md {
	var all []md
	flatten("", raw, func(name, s string) {
		if v := value(name, s); v != "" && len(all) < mostLines {
			all = append(all, "*"+clip(esc(text.Title(name)), longestName)+":* "+clip(v, longestText))
		}
	})
	return all
}

// flatten calls do with each value of an object in its order; fields of objects inside have dotted
// names. What is no object has none.
func flatten(prefix string, raw []byte, do func(name, value string)) {
	dec := jsontext.NewDecoder(bytes.NewReader(raw))
	if token, err := dec.ReadToken(); err != nil || token.Kind() != '{' {
		return
	}
	for dec.PeekKind() == '"' {
		token, err := dec.ReadToken()
		if err != nil {
			return
		}
		name := prefix + token.String()
		v, err := dec.ReadValue()
		if err != nil {
			return
		}
		switch v.Kind() {
		case '{':
			flatten(name+".", v, do)
		case 'n':
		default:
			do(name, scalar(v))
		}
	}
}

func scalar(v jsontext.Value) string {
	switch v.Kind() {
	case '"':
		s, _ := jsontext.AppendUnquote(nil, v)
		return string(s)
	case '[':
		var items []jsontext.Value
		_ = json.Unmarshal(v, &items) // the decoder has read v
		return strings.Join(text.Map(items, scalar), ", ")
	}
	return string(v)
}
