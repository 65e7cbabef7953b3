package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// wayAround is what no text that a machine reads may name: flags that spare a person, and the command
// that lifts a freeze.
var wayAround = regexp.MustCompile(`--yes|--confirm|vpsbot unfreeze|VPSBOT_READ_ONLY=|VPSBOT_OPERATIONS=`)

// forPeople are the texts that name one: help, and what is said at a real terminal alone. Each is
// named by its file and by how it begins.
var forPeople = map[string][]string{
	"internal/cli/consent.go": {"At a terminal the name is always typed"},
	"internal/cli/doctor.go":  {"vpsbot unfreeze lifts it"},
	"internal/cli/freeze.go":  {"Stops every change", " vpsbot unfreeze lifts it."},
	"internal/cli/run.go":     {"vpsbot unfreeze lifts it"},
}

// No text of the program names a way around a person, but for those that only a person reads.
func TestNoTextNamesAWayAroundAPerson(t *testing.T) {
	seen := 0
	eachSource(t, parser.SkipObjectResolution, func(s source) {
		ast.Inspect(s.File, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			require.NoError(t, err)
			if way := wayAround.FindString(text); way != "" && !isForPeople(s.path, text) {
				t.Errorf("%s names %s in a text that a machine may read: %q", s.path, way, text)
			}
			seen++
			return true
		})
	})
	require.Greater(t, seen, 1000)
}

func isForPeople(path, text string) bool {
	for file, begins := range forPeople {
		for _, begin := range begins {
			if strings.HasSuffix(path, file) && strings.HasPrefix(text, begin) {
				return true
			}
		}
	}
	return false
}
