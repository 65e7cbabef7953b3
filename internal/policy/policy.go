// Package policy reads the policy file: YAML in, [permissions.Rulebook] out.
//
// The file is decoded strictly into structs, and one validator turns those into the rulebook: an unknown key,
// name or word is an error with its line and what to write instead, so that no rule is ever half in force.
// What is legal but hardly meant is a warning.
package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/permissions"
)

// Operation is what a policy must know of an operation. The caller passes in the operations that exist.
type Operation struct {
	Name     string
	Risk     permissions.Risk
	OnServer bool // it is about a server, or may be
	Renames  bool // it can give a server another name
}

// Document is a valid policy file.
type Document struct {
	Book     *permissions.Rulebook
	Warnings []Problem // legal, but hardly meant
	Tests    []Test    // the file's own tests section

	operations     []Operation
	people, groups []string // their ids and names
}

// Problem is one error or warning about one line of the file.
type Problem struct {
	Line int // from 1; 0: the whole file
	Text string
}

func (p Problem) String() string {
	if p.Line == 0 {
		return p.Text
	}
	return fmt.Sprintf("line %d: %s", p.Line, p.Text)
}

// Problems is the error of [Load], sorted by line.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// The limits of a policy file. A real one is far below; a file above one is refused before it is parsed.
const (
	maxBytes = 4 << 20
	maxWords = 200_000
	maxDepth = 8 // lists and mappings inside each other
)

func problem(line int, format string, args ...any) Problems {
	return Problems{{line, fmt.Sprintf(format, args...)}}
}

const maxProblems = 100 // reported of one file

func (p *Problems) add(line int, format string, args ...any) {
	if len(*p) < maxProblems {
		*p = append(*p, Problem{line, fmt.Sprintf(format, args...)})
	}
}

// Load reads a policy file. operations are all that exist. Its error is [Problems]: the first mistake in
// the form of the file, or all mistakes in what it says.
func Load(raw []byte, operations []Operation) (Document, error) {
	file, err := decode(raw)
	if err != nil {
		return Document{}, err
	}
	v := &validator{file: file, Document: Document{Book: &permissions.Rulebook{}, operations: operations}}
	v.validate()
	if len(v.problems) > 0 {
		slices.SortStableFunc(v.problems, byLine)
		return Document{}, v.problems
	}
	v.warn()
	slices.SortStableFunc(v.Warnings, byLine)
	return v.Document, nil
}

func byLine(a, b Problem) int { return a.Line - b.Line }

// policyFile is a policy file as it was written: each struct has the keys of a mapping, in lower case or as the
// tag says. In its lists nil is a key that was left out.
type policyFile struct {
	Version   word
	People    []mapping[personFields]
	Groups    groupList
	Rules     []mapping[ruleFields]
	Protected mapping[struct{ Servers []word }]
	Budgets   mapping[struct{ Deletions, Destructive word }]
	Confirm   mapping[struct{ Disruptive, Billable, Destructive []word }]
	Slack     mapping[channelFields]
	Tests     []mapping[testFields]
}

type personFields struct {
	ID                 word
	Slack, Keys, Local []word
}

// groupList keeps the order and the lines of its names, which a map does not.
type groupList []groupEntry

type groupEntry struct {
	name    word
	members mapping[memberFields]
}

type memberFields struct {
	People      []word
	SlackGroups []word `yaml:"slack_groups"`
}

type ruleFields struct {
	Name, Effect                           word
	Who, Where, Operations, Risks, Servers []word
	Approvers                              mapping[approverFields]
}

type approverFields struct {
	Count word
	Who   []word
}

type channelFields struct {
	Approvals word `yaml:"approvals_channel"`
	Audit     word `yaml:"audit_channel"`
}

type testFields struct{ Who, Where, Operation, Server, Want word }
