package rollcall_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
)

// usual are the imports and the variables of a snippet that is a part of a
// program.
const usual = `
import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/cloudwego/hertz/pkg/app"
	"github.com/cloudwego/hertz/pkg/app/client"
	"github.com/cloudwego/hertz/pkg/app/client/loadbalance"
	"github.com/cloudwego/hertz/pkg/app/middlewares/client/sd"
	"github.com/cloudwego/hertz/pkg/app/server"
	hertzregistry "github.com/cloudwego/hertz/pkg/app/server/registry"
	"github.com/cloudwego/hertz/pkg/common/config"
	"github.com/cloudwego/hertz/pkg/common/utils"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/hertzadapter"
	"github.com/rollcall-go/rollcall/registry"
)

var (
	ctx            context.Context
	r              *registry.Redis
	nodes          *discovery.Resolver
	service        *registry.Service
	info           *hertzregistry.Info
	addr           string
	node           *registry.Node
	shop           *registry.Service
	options        []registry.RegisterOption
	db             *sql.DB
	web            *http.Server
	err            error
	logger         *slog.Logger
	callMyProtocol func(context.Context, string) error
)
`

var (
	snippet    = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")
	importLine = regexp.MustCompile(`(?m)^import .*\n`)
)

// Every Go snippet of the docs compiles, by itself where it is a whole program, else
// within a function. docs/design.md holds declarations, which
// TestPublicAPIOfTheDesign looks at.
func TestSnippetsCompile(t *testing.T) {
	imports := exported(t)
	found := 0
	for _, p := range pages(t, "*.md") {
		if p.path == "docs/design.md" {
			continue
		}
		before := ""
		for _, at := range snippet.FindAllStringSubmatchIndex(p.text, -1) {
			found++
			line := fmt.Sprintf("//line %s:%d\n", p.path, 1+strings.Count(p.text[:at[2]], "\n"))
			code := p.text[at[2]:at[3]]
			if !strings.HasPrefix(code, "package ") {
				before += strings.Join(importLine.FindAllString(code, -1), "")
			}
			if err := compiles(imports, before, line, code); err != nil {
				t.Error(err)
			}
		}
	}
	if found < 5 {
		t.Errorf("found %d snippets only", found)
	}
}

func TestSnippetsThatDoNotCompile(t *testing.T) {
	imports := exported(t)
	for _, tc := range []struct{ code, want string }{
		{"r.Registers(ctx, service)\n", "r.Registers undefined"},
		{"nodes := registry.New(r)\n", "undefined: registry.New"},
		{"package main\n\nimport \"os\"\n\nfunc main() {}\n", `"os" imported and not used`},
		{"package main\n\nfunc main() { x := 1 }\n", "declared and not used: x"},
		{"if r {\n", "expected"},
		{"x, err := r.GetService(ctx, \"shop\")\n", ""}, // the next snippet uses it
		{"server.WithHostPorts(\":8080\"),\nserver.WithExitWaitTime(time.Second),\n", ""},
		{"import redis \"github.com/rollcall-go/rollcall/hertzadapter\"\n\nv := redis.NewResolver(nodes)\n", ""},
	} {
		before := strings.Join(importLine.FindAllString(tc.code, -1), "")
		err := compiles(imports, before, "//line page.md:7\n", tc.code)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s\ngives %v, want %q", tc.code, err, tc.want)
		}
	}
}

// compiles checks a snippet at a line of its page. It has the imports
// of those before it on the page.
func compiles(imports types.Importer, before, line, code string) error {
	if strings.HasPrefix(code, "package ") {
		return check(imports, line+code, false)
	}
	code = importLine.ReplaceAllString(code, "\n")
	file := func(body string) string {
		return "package snippet\n" + before + usual + "func _() error {\n" + body + "\nreturn nil\n}\n"
	}
	source, arguments := file(line+code), file("_ = []any{\n"+line+code+"}")
	if parses(arguments) && !parses(source) { // of a call
		source = arguments
	}
	return check(imports, source, true)
}

func parses(source string) bool {
	_, err := parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution)
	return err == nil
}

// check reports the first error of a file: of what is not used only in whole
// programs.
func check(imports types.Importer, source string, part bool) error {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", source, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	var first error
	conf := types.Config{Importer: imports, Error: func(err error) {
		var te types.Error
		if first == nil && (!part || !errors.As(err, &te) || !te.Soft) {
			first = err
		}
	}}
	_, _ = conf.Check("snippet", files, []*ast.File{file}, nil)
	return first
}

// exported imports the packages that snippets use, as the go command has compiled
// them: with the race detector where the test was, which is in its cache then.
func exported(t *testing.T) types.Importer {
	t.Helper()
	args := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}"}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "-race" && s.Value == "true" {
				args = append(args, "-race")
			}
		}
	}
	for _, m := range regexp.MustCompile(`"(.+)"`).FindAllStringSubmatch(usual, -1) {
		args = append(args, m[1])
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	exports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		exports[path] = file
	}
	return importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		file := exports[path]
		if file == "" {
			return nil, fmt.Errorf("no snippet is expected to import %s", path)
		}
		return os.Open(file)
	})
}
