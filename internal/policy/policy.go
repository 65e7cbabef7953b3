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
	Creates  bool // it makes a server
	Renames  bool // it can give a server another name
}

// Document is a valid policy file.
type Document struct {
	Book     *permissions.Rulebook
	Warnings []Problem // legal, but hardly meant
	Tests    []Test    // the file's own tests section

	operations []Operation
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

// problem is an error about one line.
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
	v := &validator{file: file, operations: operations, book: &permissions.Rulebook{}}
	v.validate()
	if len(v.problems) > 0 {
		slices.SortStableFunc(v.problems, byLine)
		return Document{}, v.problems
	}
	v.warn()
	slices.SortStableFunc(v.warnings, byLine)
	return Document{Book: v.book, Warnings: v.warnings, Tests: v.tests, operations: operations}, nil
}

func byLine(a, b Problem) int { return a.Line - b.Line }

// policyFile is a policy file as it was written. In its lists nil is a key that was left out.
type policyFile struct {
	Version   word                     `yaml:"version"`
	People    []mapping[personFields]  `yaml:"people"`
	Groups    groupList                `yaml:"groups"`
	Rules     []mapping[ruleFields]    `yaml:"rules"`
	Protected mapping[protectedFields] `yaml:"protected"`
	Budgets   mapping[budgetsFields]   `yaml:"budgets"`
	Confirm   mapping[confirmFields]   `yaml:"confirm"`
	Slack     mapping[channelsFields]  `yaml:"slack"`
	Tests     []mapping[testFields]    `yaml:"tests"`
}

type personFields struct {
	ID    word   `yaml:"id"`
	Slack []word `yaml:"slack"`
	Keys  []word `yaml:"keys"`
	Local []word `yaml:"local"`
}

// groupList keeps the order and the lines of its names, which a map does not.
type groupList []groupEntry

type groupEntry struct {
	name    word
	members mapping[membersFields]
}

type membersFields struct {
	People      []word `yaml:"people"`
	SlackGroups []word `yaml:"slack_groups"`
}

type ruleFields struct {
	Name       word                     `yaml:"name"`
	Effect     word                     `yaml:"effect"`
	Who        []word                   `yaml:"who"`
	Where      []word                   `yaml:"where"`
	Operations []word                   `yaml:"operations"`
	Risks      []word                   `yaml:"risks"`
	Servers    []word                   `yaml:"servers"`
	Approvers  mapping[approversFields] `yaml:"approvers"`
}

type approversFields struct {
	Count word   `yaml:"count"`
	Who   []word `yaml:"who"`
}

type protectedFields struct {
	Servers []word `yaml:"servers"`
}

type budgetsFields struct {
	Deletions   word `yaml:"deletions"`
	Destructive word `yaml:"destructive"`
}

type confirmFields struct {
	Disruptive  []word `yaml:"disruptive"`
	Billable    []word `yaml:"billable"`
	Destructive []word `yaml:"destructive"`
}

type channelsFields struct {
	Approvals word `yaml:"approvals_channel"`
	Audit     word `yaml:"audit_channel"`
}

type testFields struct {
	Who       word `yaml:"who"`
	Where     word `yaml:"where"`
	Operation word `yaml:"operation"`
	Server    word `yaml:"server"`
	Want      word `yaml:"want"`
}
