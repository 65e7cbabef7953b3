// Package policy reads the policy file: YAML in, [permissions.Rulebook] out.
//
// It is strict. What it does not understand is an error that names the line and what to
// write instead, so that no rule is ever half in force. What is legal but can hardly be
// meant is a warning.
package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/permissions"
)

// Operation is what a policy must know of an operation. They are passed in: the policy
// knows none of its own.
type Operation struct {
	Name     string
	Risk     permissions.Risk
	OnServer bool // there is a server behind it, or may be
}

// Document is a policy file that was understood.
type Document struct {
	Book     *permissions.Rulebook
	Warnings []Problem // legal, but hardly meant
	Tests    []Test    // what the file says of itself

	operations []Operation
}

// Problem is one thing about one line of the file.
type Problem struct {
	Line int // counted from 1; 0: it is about the whole file
	Text string
}

func (p Problem) String() string {
	if p.Line == 0 {
		return p.Text
	}
	return fmt.Sprintf("line %d: %s", p.Line, p.Text)
}

// Problems is the error of [Load]: everything that is wrong with the file, by line.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// What a policy file may have at most. A real one is far below; what is above is refused before it is
// taken apart.
const (
	Most      = 4 << 20 // bytes
	mostNodes = 200_000 // words and brackets
	mostDepth = 8       // lists and mappings inside each other
)

// Load reads a policy file. operations are all that exist. Its error is [Problems].
func Load(raw []byte, operations []Operation) (Document, error) {
	r := &reader{operations: operations, book: &permissions.Rulebook{}}
	r.file(raw)
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
		return Document{}, r.problems
	}
	r.warn()
	slices.SortStableFunc(r.warnings, func(a, b Problem) int { return a.Line - b.Line })
	return Document{Book: r.book, Warnings: r.warnings, Tests: r.tests, operations: operations}, nil
}

// reader gathers what a file says, and all that is wrong with it.
type reader struct {
	operations []Operation
	book       *permissions.Rulebook
	tests      []Test
	lines      []int // of the rules
	at         []int // lines of the people
	protected  int   // line of the protected servers
	names      names
	problems   Problems
	warnings   []Problem
}

// mostProblems are said of one file.
const mostProblems = 100

func (r *reader) bad(line int, format string, args ...any) {
	if len(r.problems) >= mostProblems {
		return
	}
	r.problems = append(r.problems, Problem{line, fmt.Sprintf(format, args...)})
}

func (r *reader) doubt(line int, format string, args ...any) {
	r.warnings = append(r.warnings, Problem{line, fmt.Sprintf(format, args...)})
}
