package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/command"
	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// addPages adds cobra's commands for the topics of help and for the operations: "servers list" below its resource,
// "run servers.list", and what is about a server by its action alone. They have help, completion and man pages;
// [cli.runWords] runs what is typed.
func (c *cli) addPages(root *cobra.Command) {
	run, _, _ := root.Find([]string{"run"})
	if run.HasSubCommands() {
		return
	}
	root.AddCommand(topics()...)
	root.AddCommand(c.whyCommand())
	resources := map[string]*cobra.Command{}
	for _, op := range c.Catalogue.Operations() {
		resource, action, _ := strings.Cut(op.Name, ".")
		title := resourceTitle(resource)
		if resources[resource] == nil {
			run.AddGroup(&cobra.Group{ID: resource, Title: title + ":"})
			resources[resource] = parent(resource, "", title+" at VPS.org.")
			resources[resource].GroupID = groupUse
			root.AddCommand(resources[resource])
		}
		long := operationCommand(c, op, op.Name)
		long.GroupID = resource
		run.AddCommand(long)
		resources[resource].AddCommand(operationCommand(c, op, action))
		if resource == "servers" {
			short := operationCommand(c, op, action)
			short.GroupID = groupShort
			root.AddCommand(short)
		}
	}
	for _, resource := range resources {
		actions := text.Map(resource.Commands(), (*cobra.Command).Name)
		resource.Short = resourceTitle(resource.Name()) + ": " + strings.Join(actions[:min(4, len(actions))], ", ")
		if len(actions) > 4 {
			resource.Short += " and more"
		}
		if slices.Contains(actions, "list") {
			sayDefault(resource, "list")
		} else if len(actions) == 1 {
			sayDefault(resource, actions[0])
		}
	}
}

func resourceTitle(resource string) string {
	if resource == "dns" {
		return "DNS"
	}
	return strings.ToUpper(resource[:1]) + resource[1:]
}

func operationCommand(c *cli, op *tools.Op, name string) *cobra.Command {
	cmd := &cobra.Command{
		Use: usage(op, name), Aliases: command.Aliases(name), Short: op.Title, Long: describe(op), Example: examples(op), DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }, // runWords runs it
	}
	for _, f := range op.Fields {
		doc := flagDoc(f)
		for _, other := range c.Catalogue.Operations() { // the docs name operations as a model knows them
			doc = strings.ReplaceAll(doc, other.ToolName(), other.Name)
		}
		if f.Required {
			doc = strings.TrimSpace(doc + " (required)")
		}
		addFlag(cmd, command.Flag{Field: f}, doc)
	}
	for _, own := range grammar().Own {
		if own.For == nil || own.For(op) {
			addFlag(cmd, own, own.Doc)
		}
	}
	c.completeFields(cmd, op)
	return cmd
}

func addFlag(cmd *cobra.Command, f command.Flag, doc string) {
	switch name := fieldtext.Flag(f.Name); f.Kind {
	case tools.Boolean:
		cmd.Flags().Bool(name, false, doc)
	case tools.Integer:
		cmd.Flags().Int(name, 0, doc)
	default:
		cmd.Flags().StringP(name, f.Short, "", doc)
	}
}

// flagDocs is the help for fields whose names say enough in a schema.
var flagDocs = map[string]string{
	"limit": "show at most so many; without it 50, and all with -o json", "offset": "leave out the first so many", "name": "its name", "hostname": "its host name", "description": "what it is for, in your words",
	"location": "where it runs", "status": "only those with this status",
}

func flagDoc(f tools.Field) string {
	doc := f.Doc
	if len(doc) > 1 && doc[1] >= 'a' || strings.HasPrefix(doc, "A ") { // as the docs of flags begin
		doc = strings.ToLower(doc[:1]) + doc[1:]
	}
	if own := flagDocs[f.Name]; doc == "" || f.Name == "limit" {
		doc = own
	}
	if f.Kind == tools.Boolean && f.Name != "dry_run" && f.Name != "wait" { // false differs from leaving it out
		doc += "; write --" + fieldtext.Flag(f.Name) + "=true or --" + fieldtext.Flag(f.Name) + "=false"
	}
	return doc
}

// usage is a command with its arguments: "get SERVER [flags]".
func usage(op *tools.Op, name string) string {
	if positional := op.Positional(); positional != "" {
		word := strings.ToUpper(fieldtext.Flag(positional))
		if f, _ := op.Field(positional); !f.Required {
			word = "[" + word + "]"
		}
		name += " " + word
	}
	return name + " [flags]"
}

var riskDocs = map[permissions.Risk]string{
	permissions.Read:        "changes nothing",
	permissions.Change:      "runs at once",
	permissions.Disruptive:  "asks [y/N] first",
	permissions.Billable:    "costs money; asks [y/N] first",
	permissions.Destructive: "cannot be undone; asks you to type the name first",
}

func describe(op *tools.Op) string {
	what := riskDocs[op.Risk]
	if op.MayAskMore() {
		what += "; switching automatic backups off asks [y/N] first"
	}
	return fmt.Sprintf("%s\n\n  Risk:    %s (%s)\n  Needs:   %s\n  Request: %s", op.Description, op.Risk, what, cmp.Or(op.Needs.String(), "any valid token"), op.Request)
}

// examples renders the operation's examples as command lines.
func examples(op *tools.Op) string {
	return strings.Join(text.Map(op.Examples, func(raw jsontext.Value) string { return "  " + CommandLine(op, raw) }), "\n")
}
