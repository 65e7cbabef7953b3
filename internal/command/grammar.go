package command

import (
	"slices"
	"strings"
	"unicode"

	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

// Grammar is what differs in how commands are written on a surface.
type Grammar struct {
	Program string // what stands before the command: "/vps"
	Shell   bool   // a shell splits it into words, and fields are written as flags
	Own     []Flag
}

// Flag is a flag of a surface's own: how to run and to answer, never an input field of an operation.
type Flag struct {
	tools.Field
	Short string               // the one letter of a short form, as the o of -o; "" if there is none
	For   func(*tools.Op) bool // the operations that take it; nil: all
	Says  string               // what the error says for any other operation: "is for commands that …"
	Quiet bool                 // no suggestion names it
}

// unfit says why the flag is not for a command; "" if it is.
func (f Flag) unfit(c Command) string {
	if f.For == nil || c.Kind == Operation && f.For(c.Op) {
		return ""
	}
	return f.Says
}

// Slack is the grammar of /vps.
var Slack = Grammar{Program: slashCommand, Own: []Flag{
	{Field: tools.Field{Name: "share", Kind: tools.Boolean}}, // the answer goes to the channel
	{Field: tools.Field{Name: "csv", Kind: tools.Boolean}, For: (*tools.Op).IsList, Says: "is for commands that answer a list; this one makes no file"},
}}

func (g Grammar) own(name string) (Flag, bool) {
	i := slices.IndexFunc(g.Own, func(f Flag) bool { return f.Name == name })
	if i < 0 {
		return Flag{}, false
	}
	return g.Own[i], true
}

// fromArgs makes words of a program's arguments. What follows "--" is no flag and no field.
func (p *parser) fromArgs(args []string) ([]word, error) {
	var words []word
	for i, arg := range args {
		if at := strings.IndexFunc(arg, func(c rune) bool { return unicode.IsControl(c) || text.Hidden(c) && !isZeroWidth(c) }); at >= 0 {
			return nil, p.fail("the command contains an invisible character (%U), as copied text may; type it by hand", []rune(arg[at:])[0])
		}
		if arg == "--" {
			for _, arg := range args[i+1:] {
				words = append(words, word{text: arg, quoted: true})
			}
			break
		}
		if i > 0 && p.takesValue(args[i-1]) && !strings.HasPrefix(arg, "--") {
			words = append(words, word{text: arg, quoted: true})
			continue
		}
		words = append(words, p.argument(restoreHyphens(arg))...)
	}
	return words, nil
}

// takesValue reports whether an argument is a flag of the surface's own whose value is the next one, as of "--sort -name".
func (p *parser) takesValue(arg string) bool {
	return slices.ContainsFunc(p.Own, func(f Flag) bool {
		return f.Kind != tools.Boolean && (arg == flag(f.Name) || f.Short != "" && arg == "-"+f.Short)
	})
}

// argument is the word of one argument, or the two of -oVALUE.
func (p *parser) argument(arg string) []word {
	for _, own := range p.Own {
		if value, ok := strings.CutPrefix(arg, "-"+own.Short); ok && own.Short != "" {
			if name := flag(own.Name); value == "" {
				return []word{bare(name)}
			} else if value = strings.TrimPrefix(value, "="); value != "" {
				return []word{{text: value, field: name, set: true}}
			}
		}
	}
	name, value, isSet := strings.Cut(arg, "=")
	if !isSet || strings.IndexFunc(name, func(c rune) bool { return !unicode.IsLetter(c) && c != '-' && c != '_' }) >= 0 {
		return []word{{text: arg, quoted: strings.ContainsRune(arg, ' ') || arg == ""}}
	}
	return []word{{text: value, field: name, set: true}}
}
