package main

import (
	"cmp"
	"errors"
	"fmt"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/ssa/ssautil"
)

// A checker knows of each function what calls of it lead to.
type checker struct {
	root  string
	files *token.FileSet
	leads map[*ssa.Function]string       // to what is forbidden, under a mutex of the caller's
	calls map[*ssa.Function]map[int]bool // the parameters that it calls
	found map[string]bool
	last  bool // the round that reports
}

// check returns a line for each place where the packages that match break the rule.
// Overlay has files besides those on the disk, by their absolute path.
func check(root string, overlay map[string][]byte, patterns ...string) ([]string, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	c := checker{
		root: root, files: token.NewFileSet(),
		leads: map[*ssa.Function]string{}, calls: map[*ssa.Function]map[int]bool{}, found: map[string]bool{},
	}
	// The source of what matches; the rest comes as compiled types, which is quick.
	pkgs, err := packages.Load(&packages.Config{Mode: packages.LoadSyntax, Dir: root, Fset: c.files, Overlay: overlay}, patterns...)
	if err != nil {
		return nil, err
	}
	for _, p := range pkgs {
		for _, e := range p.Errors {
			err = errors.Join(err, e)
		}
	}
	if err != nil {
		return nil, err
	}
	all, err := functions(pkgs)
	if err != nil {
		return nil, err
	}
	for known := -1; known < c.known(); { // until nothing new is learnt
		known = c.known()
		for _, f := range all {
			c.function(f)
		}
	}
	c.last = true
	for _, f := range all {
		c.function(f)
	}
	var lines []string
	for line := range c.found {
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines, nil
}

// functions returns those that have code in the packages, in the order of the code.
func functions(pkgs []*packages.Package) ([]*ssa.Function, error) {
	prog, built := ssautil.Packages(pkgs, ssa.InstantiateGenerics)
	prog.Build()
	if len(built) == 0 {
		return nil, errors.New("there is no package to check")
	}
	known := ssautil.AllFunctions(prog) // without methods that nothing calls
	for _, p := range pkgs {
		for _, obj := range p.TypesInfo.Defs {
			if f, ok := obj.(*types.Func); ok {
				if f := prog.FuncValue(f); f != nil {
					add(known, f)
				}
			}
		}
	}
	var all []*ssa.Function
	for f := range known {
		if f.Blocks != nil && (f.Pkg == nil || f.Pkg.Pkg.Path() != module+"internal/redistest") { // that is for tests
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b *ssa.Function) int {
		return cmp.Or(cmp.Compare(a.Pos(), b.Pos()), strings.Compare(a.RelString(nil), b.RelString(nil)))
	})
	return all, nil
}

// add adds a function and the literals in it.
func add(known map[*ssa.Function]bool, f *ssa.Function) {
	known[f] = true
	for _, literal := range f.AnonFuncs {
		add(known, literal)
	}
}

func (c *checker) known() int {
	n := len(c.leads)
	for _, params := range c.calls {
		n += len(params)
	}
	return n
}

// effect says what a call leads to that is forbidden; "": nothing.
func (c *checker) effect(call *ssa.CallCommon) string {
	if what := forbidden(call); what != "" {
		return what
	}
	callee := call.StaticCallee()
	if callee != nil {
		if what := c.leads[callee]; what != "" {
			return "calls " + name(callee) + ", which " + what
		}
	}
	for i, arg := range call.Args {
		f := literal(arg)
		if loop := f != nil && strings.HasPrefix(f.Synthetic, "range-over-func"); !loop && !c.calls[callee][i] && !callsAtOnce(callee) {
			continue
		}
		if f == nil {
			if what := users(arg.Type()); what != "" {
				return what
			}
		} else if c.leads[f] != "" {
			return c.leads[f]
		}
	}
	return ""
}

// literal returns the function that a value is; nil: not known.
func literal(v ssa.Value) *ssa.Function {
	switch v := v.(type) {
	case *ssa.Function:
		return v
	case *ssa.MakeClosure:
		return v.Fn.(*ssa.Function)
	case *ssa.ChangeType:
		return literal(v.X)
	}
	return nil
}

// callsAtOnce reports whether a function of the standard library calls a function that
// it gets before it returns.
func callsAtOnce(f *ssa.Function) bool {
	if f == nil {
		return false
	}
	if f.Origin() != nil {
		f = f.Origin()
	}
	switch text := f.RelString(nil); {
	case text == "(*sync.Once).Do", text == "(*sync.Map).Range":
		return true
	default:
		of, _, _ := strings.Cut(text, ".")
		return slices.Contains([]string{"slices", "maps", "sort", "strings", "bytes"}, of)
	}
}

// place says where something is.
func (c *checker) place(pos token.Pos) string {
	at := c.files.Position(pos)
	if path, err := filepath.Rel(c.root, at.Filename); err == nil {
		at.Filename = path
	}
	return fmt.Sprintf("%s:%d", filepath.ToSlash(at.Filename), at.Line)
}

func name(f *ssa.Function) string {
	return strings.ReplaceAll(f.RelString(nil), module, "")
}
