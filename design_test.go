package rollcall_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The public API is as docs/design.md writes it down: each type, function, method
// and field of its section 7 with the types there, and each name in its prose.
func TestPublicAPIOfTheDesign(t *testing.T) {
	text, err := os.ReadFile("docs/design.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## 7. ")
	section, _, _ = strings.Cut(section, "\n## ")
	imports := exported(t)
	var all []*types.Package
	for _, name := range []string{"registry", "discovery", "hertzadapter"} {
		pkg, err := imports.Import(module + name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, pkg)
	}
	blocks := snippet.FindAllStringSubmatch(section, -1)
	if len(blocks) != len(all) {
		t.Fatalf("%d blocks of Go, want %d", len(blocks), len(all))
	}
	for i, block := range blocks {
		file, err := parser.ParseFile(token.NewFileSet(), "", block[1], parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		api{t, all[i]}.file(file)
	}
	names := 0
	for _, m := range regexp.MustCompile("`([A-Z][A-Za-z0-9]+)[`(]").FindAllStringSubmatch(section, -1) {
		names++
		known := false
		for _, pkg := range all {
			known = known || has(pkg, m[1])
		}
		if !known {
			t.Errorf("docs/design.md names %s, which no package has", m[1])
		}
	}
	if names < 50 {
		t.Errorf("found %d names only", names)
	}
}

// has reports whether a package has a name, or a method of that name.
func has(pkg *types.Package, name string) bool {
	if pkg.Scope().Lookup(name) != nil {
		return true
	}
	for _, of := range pkg.Scope().Names() {
		method, _, _ := types.LookupFieldOrMethod(pkg.Scope().Lookup(of).Type(), true, pkg, name)
		if _, ok := method.(*types.Func); ok {
			return true
		}
	}
	return false
}

// An api compares declarations with those of a package.
type api struct {
	t   *testing.T
	pkg *types.Package
}

func (a api) file(f *ast.File) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			var on types.Type
			if d.Recv != nil {
				on = a.named(types.ExprString(d.Recv.List[0].Type))
			}
			a.member(on, d.Name.Name, d.Type)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if s, ok := s.(*ast.TypeSpec); ok {
					a.typ(s)
				}
			}
		}
	}
}

// typ compares the fields or methods of a type.
func (a api) typ(s *ast.TypeSpec) {
	var fields *ast.FieldList
	switch t := s.Type.(type) {
	case *ast.StructType:
		fields = t.Fields
	case *ast.InterfaceType:
		fields = t.Methods
	}
	for _, field := range fields.List {
		for _, name := range field.Names {
			a.member(a.named(s.Name.Name), name.Name, field.Type)
		}
	}
}

// named returns a type of the package, or a pointer to one.
func (a api) named(name string) types.Type {
	a.t.Helper()
	plain := strings.TrimPrefix(name, "*")
	found := a.pkg.Scope().Lookup(plain)
	if found == nil {
		a.t.Fatalf("docs/design.md declares %s.%s, which is not there", a.pkg.Name(), plain)
	}
	if plain != name {
		return types.NewPointer(found.Type())
	}
	return found.Type()
}

// member compares a function of the package, or a method or field of a type of it.
func (a api) member(on types.Type, name string, want ast.Expr) {
	a.t.Helper()
	found := a.pkg.Scope().Lookup(name)
	if on != nil {
		found, _, _ = types.LookupFieldOrMethod(on, true, a.pkg, name)
	}
	if found == nil {
		a.t.Errorf("docs/design.md declares %s of %s, which is not there", name, a.pkg.Name())
		return
	}
	got := types.TypeString(unnamed(found.Type()), func(p *types.Package) string {
		switch {
		case p == a.pkg:
			return ""
		case strings.Contains(p.Path(), "/hertz/") && (p.Name() == "registry" || p.Name() == "discovery"):
			return "hertz" + p.Name()
		}
		return p.Name()
	})
	if got != written(want) {
		a.t.Errorf("docs/design.md declares %s of %s as %s, it is %s", name, a.pkg.Name(), written(want), got)
	}
}

// unnamed returns a function's type without the names of its parameters.
func unnamed(t types.Type) types.Type {
	sig, ok := t.(*types.Signature)
	if !ok {
		return t
	}
	bare := func(all *types.Tuple) *types.Tuple {
		var vars []*types.Var
		for v := range all.Variables() {
			vars = append(vars, types.NewParam(token.NoPos, nil, "", unnamed(v.Type())))
		}
		return types.NewTuple(vars...)
	}
	return types.NewSignatureType(nil, nil, nil, bare(sig.Params()), bare(sig.Results()), sig.Variadic())
}

// written is the text of a type, without the names of parameters.
func written(e ast.Expr) string {
	ast.Inspect(e, func(n ast.Node) bool {
		f, ok := n.(*ast.FuncType)
		if !ok {
			return true
		}
		for _, list := range []*ast.FieldList{f.Params, f.Results} {
			if list == nil {
				continue
			}
			var bare []*ast.Field
			for _, field := range list.List {
				for range max(1, len(field.Names)) {
					bare = append(bare, &ast.Field{Type: field.Type})
				}
			}
			list.List = bare
		}
		return true
	})
	return types.ExprString(e)
}
