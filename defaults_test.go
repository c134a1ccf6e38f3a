package rollcall_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// The comment of each option says what holds without it.
func TestEveryOptionStatesItsDefault(t *testing.T) {
	for dir, least := range map[string]int{"registry": 30, "hertzadapter": 20, "discovery": 25} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		options := 0
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range file.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok || !isOption(f) {
					continue
				}
				options++
				if !strings.Contains(f.Doc.Text(), "Default") {
					t.Errorf("%s: the comment of %s does not state the default", name, f.Name)
				}
			}
		}
		if options < least {
			t.Errorf("%s: found %d options only", dir, options)
		}
	}
}

// isOption reports whether a function makes one of the options of its package.
func isOption(f *ast.FuncDecl) bool {
	if f.Recv != nil || !f.Name.IsExported() || f.Type.Results.NumFields() != 1 {
		return false
	}
	of, ok := f.Type.Results.List[0].Type.(*ast.Ident)
	return ok && of.IsExported() && strings.HasSuffix(of.Name, "Option")
}
