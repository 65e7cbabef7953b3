package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/tools"
)

// Nothing outside the catalogue decides by the name of an operation or by the kind of its resource: what
// differs is on the value of the operation or of the resource.
func TestNoSwitchOverResourcesOrOperations(t *testing.T) {
	resources := resourceNames(t)
	seen := 0
	eachSource(t, parser.SkipObjectResolution, func(file source) {
		if file.dir == "tools" || strings.HasPrefix(file.dir, "apiclient") || strings.HasPrefix(file.dir, "internal/testkit") {
			return
		}
		ast.Inspect(file.File, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && isIdent(s.X, "tools") && resources[s.Sel.Name] {
				t.Errorf("%s names tools.%s: ask the resource instead", file.set.Position(n.Pos()), s.Sel.Name)
			}
			for _, compared := range comparedIn(n) {
				seen++
				if name := operationNamed(compared); name != "" {
					t.Errorf("%s decides by the operation %s: ask the operation instead", file.set.Position(n.Pos()), name)
				}
			}
			return true
		})
	})
	require.Greater(t, seen, 500)
}

// resourceNames are the variables of package tools that are a Resource.
func resourceNames(t *testing.T) map[string]bool {
	file, err := parser.ParseFile(token.NewFileSet(), "../../tools/resource.go", nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	names := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if value, ok := spec.Values[0].(*ast.UnaryExpr); ok {
			if of, ok := value.X.(*ast.CompositeLit); ok && isIdent(of.Type, "Resource") {
				names[spec.Names[0].Name] = true
			}
		}
		return true
	})
	require.Contains(t, names, "Server")
	require.Contains(t, names, "SnapshotServer")
	return names
}

// comparedIn returns what a node decides by: the values of a case, both sides of a comparison, the keys of a
// map that is written out, an index.
func comparedIn(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.CaseClause:
		return n.List
	case *ast.BinaryExpr:
		if n.Op == token.EQL || n.Op == token.NEQ {
			return []ast.Expr{n.X, n.Y}
		}
	case *ast.KeyValueExpr:
		return []ast.Expr{n.Key}
	}
	return nil
}

// operationNamed is the operation that a literal names, or "".
func operationNamed(e ast.Expr) string {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return ""
	}
	text, err := strconv.Unquote(literal.Value)
	if err != nil {
		return ""
	}
	for _, op := range tools.Default.Operations() {
		if text == op.Name || text == op.ToolName() {
			return op.Name
		}
	}
	return ""
}

func isIdent(e ast.Expr, name string) bool {
	ident, ok := e.(*ast.Ident)
	return ok && ident.Name == name
}
