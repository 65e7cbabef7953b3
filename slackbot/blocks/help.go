package blocks

import (
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/command"
	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// Help shows what somebody may run here, or the page of the one operation that it is about. why has the
// reason of each operation that is refused.
func Help(ops []*tools.Op, why map[string]string, about *tools.Op) Message {
	if about != nil {
		return helpAbout(about, why[about.Name])
	}
	var says md = "vpsbot runs VPS.org servers from here."
	if len(ops) == 0 {
		says += " You may run none of its operations here."
	}
	return message(says, nil, sections(says), menu(ops), contextLine(refused(len(why), len(ops) > 0)),
		contextLine("One in full: `/vps help servers create`", "What waits: `/vps approvals`", "What was done: `/vps audit`"))
}

func refused(n int, others bool) md {
	if n == 0 {
		return ""
	}
	var more, verb md = "", " is"
	if others {
		more = " more"
	}
	if n > 1 {
		verb = " are"
	}
	return number(n) + more + verb + " refused here: `/vps why OPERATION` says why"
}

// menu lists operations by their resource, in the order in which they come.
func menu(ops []*tools.Op) []slack.Block {
	var resources []string
	of := map[string][]md{}
	for _, op := range ops {
		resource, _, _ := strings.Cut(op.Name, ".")
		if !slices.Contains(resources, resource) {
			resources = append(resources, resource)
			of[resource] = []md{strong(esc(text.Title(resource)))}
		}
		of[resource] = append(of[resource], join(" ", code(slashCommand(op)), esc(op.Title), riskMarks[op.Risk]))
	}
	var blocks []slack.Block
	for _, resource := range resources {
		blocks = append(blocks, sections(of[resource]...)...)
	}
	return blocks
}

// riskMarks show in a list what asks first.
var riskMarks = map[permissions.Risk]md{
	permissions.Disruptive: "✋", permissions.Billable: "💰", permissions.Destructive: "⚠️",
}

var riskTexts = map[permissions.Risk]md{
	permissions.Read:        "Changes nothing.",
	permissions.Change:      "Runs at once.",
	permissions.Disruptive:  "✋ Interrupts: asks you to confirm.",
	permissions.Billable:    "💰 Costs money: asks you to confirm.",
	permissions.Destructive: "⚠️ Destroys data: asks you to type the name.",
}

func helpAbout(op *tools.Op, why string) Message {
	usage := code(command.Usage(op))
	return message(esc(op.Title)+": "+usage, nil,
		sections(strong(esc(op.Title)), usage, sentence(op.Description)),
		sections(fieldHelp(op)...),
		sections(riskTexts[op.Risk], needs(op), example(op), labelled("⛔ Refused here: ", sentence(why))))
}

func fieldHelp(op *tools.Op) (all []md) {
	for _, f := range op.Fields {
		if OmittedFields[f.Name] {
			continue
		}
		line := join(" ", "•", code(f.Name), sentence(f.Doc))
		if !f.Required {
			line += " (optional)"
		}
		all = append(all, line)
	}
	return all
}

func needs(op *tools.Op) md {
	if len(op.Needs) == 0 {
		return "Any valid token will do."
	}
	ways := text.Map(op.Needs.Grantable(), func(p permissions.Permission) md { return code(string(p)) })
	return "The token needs " + join(" or ", ways...) + "."
}

func example(op *tools.Op) md {
	given, err := fieldtext.Decode(op.Examples[len(op.Examples)-1])
	if err != nil {
		panic(err) // the catalogue has encoded it
	}
	return "Example: " + code("/vps "+command.Command{Kind: command.Operation, Op: op, Input: given}.String())
}

// Suggest says what is wrong with a command, and what may be meant. With a token there is a
// button that runs it, which is for reads alone.
func Suggest(says, suggestion string, token Token) Message {
	m := sentence(says)
	var meant md
	if suggestion != "" {
		suggestion = "/vps " + suggestion
		meant = "Did you mean " + code(suggestion) + " ?"
	}
	return message(join(" ", m, meant), actions(button(ActSuggest, string(token), "Run "+suggestion, slack.StylePrimary)), sections("✏️ "+m, meant))
}
