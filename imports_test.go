package rollcall_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "github.com/rollcall-go/rollcall/"

// layers orders the packages of this module from the lowest up. One may import,
// directly or not, only what is in a lower layer. Tests may import anything.
var layers = [][]string{
	{"internal/actor", "internal/keys", "internal/backend", "internal/balance", "internal/budget", "internal/condition", "internal/ejection", "internal/errdefs", "internal/httpcall", "internal/lifecycle", "internal/logs", "internal/memo", "internal/outbox", "internal/plural", "internal/schedule", "internal/tally"},
	{"internal/acl", "internal/record", "internal/reporter"},
	{"internal/plan", "internal/statelog"},
	{"internal/lua", "internal/replica"},
	{"internal/redisconn"},
	{"internal/leases"},
	{"internal/informer", "internal/registrar"},
	{"registry", "registry/embedded"},
	{"internal/community", "internal/listed"},
	{"internal/guard", "internal/savedviews", "internal/unknown", "internal/watchviews"},
	{"internal/views"},
	{"discovery"},
	{"hertzadapter", "metrics"},
	{"internal/demo", "internal/doctor", "internal/faulty", "internal/redistest", "internal/render", "internal/sidecar", "example/internal/at"},
	{"internal/cli"},
	{"internal/cli/..."},
	{"cmd/...", "example/..."},
}

// reserved says who may import what, besides itself. A pattern that ends in
// /... means all packages below it, too.
var reserved = []struct {
	pattern string
	direct  bool // counts direct imports only; else those of imports, too
	who     []string
}{
	// Who imports only the registry compiles no framework, and nothing for tests.
	{"github.com/cloudwego/...", false, []string{"hertzadapter", "internal/demo", "cmd/...", "example/..."}},
	{"github.com/alicebob/miniredis/...", true, []string{"registry/embedded", "internal/redistest"}},
	{module + "registry/embedded", false, []string{"internal/demo", "internal/redistest", "cmd/...", "example/..."}},
	{"github.com/Shopify/toxiproxy/...", false, []string{"internal/redistest"}},
	{module + "internal/redistest", false, nil},
	// Linking testing would also bring its flags into the programs of our users.
	{"testing/...", false, []string{"internal/redistest"}},
	{"github.com/spf13/...", true, []string{"cmd/...", "internal/cli/..."}},
	// Only programs that collect metrics link an exporter. Toxiproxy brings it, too.
	{"github.com/prometheus/...", false, []string{"metrics", "internal/redistest"}},
}

// A pkg is a package of this module and what its production files import.
type pkg struct {
	path    string   // relative to the module
	imports []string // direct ones
	deps    []string // all
}

// TestImports holds every package of the module to the tables above.
func TestImports(t *testing.T) {
	pkgs := list(t)
	if !slices.ContainsFunc(pkgs, func(p pkg) bool { return p.path == "registry" }) {
		t.Fatal("go list does not know the registry: nothing was checked")
	}
	for _, fault := range faults(pkgs) {
		t.Error(fault)
	}
}

// TestFaults breaks each rule once.
func TestFaults(t *testing.T) {
	const hertz, miniredis = "github.com/cloudwego/hertz/pkg/app", "github.com/alicebob/miniredis/v2"
	const exporter = "github.com/prometheus/client_golang/prometheus"
	for _, tc := range []struct {
		name string
		pkg  pkg
		want []string
	}{
		{"down", pkg{path: "discovery", imports: []string{module + "registry"}, deps: []string{module + "registry", module + "internal/keys"}}, nil},
		{"up", pkg{path: "registry", deps: []string{module + "discovery"}}, []string{"registry imports discovery, which is not in a lower layer"}},
		{"sideways", pkg{path: "internal/replica", deps: []string{module + "internal/lua"}}, []string{"internal/replica imports internal/lua, which is not in a lower layer"}},
		{"unknown", pkg{path: "util"}, []string{"util has no place in layers"}},
		{"unknown import", pkg{path: "registry", deps: []string{module + "util"}}, []string{"registry imports util, which is not in a lower layer"}},
		{"framework in the registry", pkg{path: "registry", deps: []string{hertz}}, []string{"registry imports " + hertz + ", which is reserved"}},
		{"framework in discovery", pkg{path: "discovery", deps: []string{hertz}}, []string{"discovery imports " + hertz + ", which is reserved"}},
		{"framework where it belongs", pkg{path: "hertzadapter", imports: []string{hertz}, deps: []string{hertz}}, nil},
		{"miniredis", pkg{path: "registry", imports: []string{miniredis}}, []string{"registry imports " + miniredis + ", which is reserved"}},
		{"miniredis embedded", pkg{path: "registry/embedded", imports: []string{miniredis, miniredis + "/server"}}, nil},
		{"embedded", pkg{path: "hertzadapter", deps: []string{module + "registry/embedded"}}, []string{"hertzadapter imports registry/embedded, which is reserved"}},
		{"embedded in an example", pkg{path: "example/server", deps: []string{module + "registry/embedded"}}, nil},
		{"fault proxy", pkg{path: "cmd/rollcall", deps: []string{"github.com/Shopify/toxiproxy/v2"}}, []string{"cmd/rollcall imports github.com/Shopify/toxiproxy/v2, which is reserved"}},
		{"testing", pkg{path: "registry", deps: []string{"testing"}}, []string{"registry imports testing, which is reserved"}},
		{"testing below", pkg{path: "registry", deps: []string{"testing/synctest"}}, []string{"registry imports testing/synctest, which is reserved"}},
		{"testing for tests", pkg{path: "internal/redistest", deps: []string{"testing"}}, nil},
		{"test support", pkg{path: "example/client", deps: []string{module + "internal/redistest"}}, []string{"example/client imports internal/redistest, which is reserved"}},
		{"flags", pkg{path: "discovery", imports: []string{"github.com/spf13/cobra"}}, []string{"discovery imports github.com/spf13/cobra, which is reserved"}},
		{"exporter in the registry", pkg{path: "registry", deps: []string{exporter}}, []string{"registry imports " + exporter + ", which is reserved"}},
		{"exporter in discovery", pkg{path: "discovery", deps: []string{exporter}}, []string{"discovery imports " + exporter + ", which is reserved"}},
		{"exporter where it belongs", pkg{path: "metrics", imports: []string{exporter}, deps: []string{exporter}}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, faults([]pkg{tc.pkg})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// faults returns a line for each import that a table forbids.
func faults(pkgs []pkg) (found []string) {
	for _, p := range pkgs {
		mine := layer(p.path)
		if mine < 0 {
			found = append(found, p.path+" has no place in layers")
			continue
		}
		for _, dep := range p.deps {
			if path, ours := strings.CutPrefix(dep, module); ours && (layer(path) < 0 || layer(path) >= mine) {
				found = append(found, fmt.Sprintf("%s imports %s, which is not in a lower layer", p.path, path))
			}
		}
		for _, r := range reserved {
			imports := p.deps
			if r.direct {
				imports = p.imports
			}
			for _, path := range imports {
				if match(r.pattern, path) && !slices.ContainsFunc(r.who, func(w string) bool { return match(w, p.path) }) {
					found = append(found, fmt.Sprintf("%s imports %s, which is reserved", p.path, strings.TrimPrefix(path, module)))
				}
			}
		}
	}
	return found
}

// layer returns the index of a package's layer, or -1.
func layer(path string) int {
	return slices.IndexFunc(layers, func(l []string) bool {
		return slices.ContainsFunc(l, func(pattern string) bool { return match(pattern, path) })
	})
}

func match(pattern, path string) bool {
	root, below := strings.CutSuffix(pattern, "/...")
	return path == root || below && strings.HasPrefix(path, root+"/")
}

// list asks the go command for the packages of the module that have production
// files, and for their imports.
func list(t *testing.T) (pkgs []pkg) {
	t.Helper()
	// go test reuses a result while the files that the test itself looked at are
	// unchanged, and does not see those that go list reads. So look at them.
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path != "." && strings.HasPrefix(path, ".") {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "list", "-f",
		`{{if .GoFiles}}{{.ImportPath}}|{{join .Imports " "}}|{{join .Deps " "}}{{end}}`, "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSpace(line), "|")
		pkgs = append(pkgs, pkg{strings.TrimPrefix(f[0], module), strings.Fields(f[1]), strings.Fields(f[2])})
	}
	return pkgs
}
