package archtest

import (
	"go/ast"
	"go/parser"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every package has exactly one package comment, which says what it is for.
func TestEveryPackageHasOneComment(t *testing.T) {
	comments := map[string][]string{}
	eachSource(t, parser.ParseComments|parser.PackageClauseOnly, func(s source) {
		files := comments[s.dir]
		if s.Doc != nil {
			files = append(files, filepath.Base(s.path))
		}
		comments[s.dir] = files
	})
	for dir, files := range comments {
		require.Len(t, files, 1, "package %s: its comment belongs into one file", dir)
	}
}

// Every exported name is explained in a comment that starts with the name.
func TestEveryExportedNameIsExplained(t *testing.T) {
	eachSource(t, parser.ParseComments, func(s source) {
		if s.dir == "cmd/vpsbot" {
			return
		}
		for _, d := range s.Decls {
			for name, doc := range exported(d) {
				require.NotEmpty(t, doc, "%s: %s has no comment", s.path, name)
			}
		}
	})
}

// exported returns the exported names of a declaration with their comments. Constants and
// variables of one group may share a comment.
func exported(d ast.Decl) map[string]string {
	names := map[string]string{}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && (d.Recv == nil || ast.IsExported(receiver(d))) && !wellKnown[d.Name.Name] {
			names[d.Name.Name] = startsWith(d.Doc.Text(), d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() {
					names[s.Name.Name] = startsWith(d.Doc.Text()+s.Doc.Text(), s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if n.IsExported() {
						names[n.Name] = d.Doc.Text() + s.Doc.Text() + s.Comment.Text()
					}
				}
			}
		}
	}
	return names
}

// wellKnown are methods whose interface explains them.
var wellKnown = map[string]bool{
	"Error": true, "Unwrap": true, "String": true, "GoString": true, "Format": true, "LogValue": true,
	"MarshalJSON": true, "UnmarshalJSON": true, "MarshalText": true, "RoundTrip": true, "ServeHTTP": true, "Write": true,
	"Enabled": true, "Handle": true, "WithAttrs": true, "WithGroup": true, "EnvDecode": true,
}

func startsWith(doc, name string) string {
	for _, start := range []string{name + " ", "A " + name, "An " + name, "The " + name, name + "s "} {
		if strings.HasPrefix(doc, start) {
			return doc
		}
	}
	return ""
}
