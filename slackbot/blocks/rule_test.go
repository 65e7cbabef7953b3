package blocks

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Only markup.go turns a string into markup: what it is given has been escaped there.
func TestMarkupIsMadeInOnePlace(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	seen := 0
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if name, ok := call.Fun.(*ast.Ident); ok && name.Name == "md" && !strings.HasSuffix(path, "_test.go") {
				seen++
				require.Equal(t, "markup.go", path, "%s makes markup of a string: use esc, code or sentence", path)
			}
			return true
		})
	}
	require.Positive(t, seen)
}
