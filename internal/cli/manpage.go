package cli

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/tools"
)

// ManPages returns a page of the manual for every command and topic, by the names of their files:
// vpsbot-keys-create.1, vpsbot-environment.7.
func ManPages(catalogue *tools.Catalogue, date string) map[string]string {
	pages := map[string]string{}
	addManPages(pages, Tree(catalogue), date)
	return pages
}

func addManPages(pages map[string]string, cmd *cobra.Command, date string) {
	name, section := manName(cmd)
	pages[name+"."+section] = manPage(cmd, date)
	for _, sub := range manualOf(cmd) {
		addManPages(pages, sub, date)
	}
}

func manualOf(cmd *cobra.Command) (subs []*cobra.Command) {
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() || sub.IsAdditionalHelpTopicCommand() || sub.Name() == "help" {
			subs = append(subs, sub)
		}
	}
	return subs
}

func manName(cmd *cobra.Command) (name, section string) {
	if section = "1"; cmd.IsAdditionalHelpTopicCommand() {
		section = "7"
	}
	return strings.ReplaceAll(cmd.CommandPath(), " ", "-"), section
}

func manPage(cmd *cobra.Command, date string) string {
	name, section := manName(cmd)
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s %s %q vpsbot vpsbot\n.nh\n.ad l\n", roff(strings.ToUpper(name)), section, date)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(name), roff(cmd.Short))
	sections := sectionsOf(cmd)
	if cmd.Runnable() {
		fmt.Fprintf(&b, ".SH SYNOPSIS\n%s", verbatim(sections[0].body))
		sections = sections[1:]
	}
	b.WriteString(".SH DESCRIPTION\n" + roffText(cmp.Or(cmd.Long, cmd.Short+".")))
	for _, s := range sections {
		title := strings.ToUpper(s.title)
		if title == "FLAGS" {
			title = "OPTIONS"
		}
		fmt.Fprintf(&b, ".SH %s\n%s", roff(title), verbatim(s.body))
	}
	var also []string
	related := manualOf(cmd)
	if cmd.HasParent() {
		related = append([]*cobra.Command{cmd.Parent()}, related...)
	}
	for _, other := range related {
		name, section := manName(other)
		also = append(also, fmt.Sprintf("\\fB%s\\fR(%s)", roff(name), section))
	}
	b.WriteString(".SH SEE ALSO\n" + strings.Join(also, ",\n") + "\n")
	return b.String()
}

// roffText is the text of a page of help: paragraphs, and as they are those that have lines with a space before them.
func roffText(text string) string {
	var b strings.Builder
	for paragraph := range strings.SplitSeq(reflow(text), "\n\n") {
		if strings.Contains("\n"+paragraph, "\n ") {
			b.WriteString(".PP\n" + verbatim(paragraph))
		} else {
			b.WriteString(".PP\n" + roff(paragraph) + "\n")
		}
	}
	return b.String()
}

// verbatim keeps lines as they are, so far to the left that they fit.
func verbatim(lines string) string {
	widest := 0
	for line := range strings.SplitSeq(lines, "\n") {
		widest = max(widest, utf8.RuneCountInString(line))
	}
	return fmt.Sprintf(".nf\n.in %dn\n%s\n.in\n.fi\n", max(0, min(5, helpWidth-widest)), roff(lines))
}

var roffNames = strings.NewReplacer(`\`, `\(rs`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, "\n.", "\n\\&.")

// roff writes a text so that it can be copied from the page as it is.
func roff(s string) string {
	var b strings.Builder
	for _, r := range roffNames.Replace("\n" + s)[1:] {
		if r > '~' {
			fmt.Fprintf(&b, `\[u%04X]`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
