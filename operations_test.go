package rollcall_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// docs/operations.md has each line that the code can log, at whatever level, with what to
// do, and no other: by the beginning of the text, up to the first stop.
func TestOperationsNamesEveryLogLine(t *testing.T) {
	logged := logLines(t)
	if len(logged) < 50 {
		t.Fatalf("only %d lines were found in the code", len(logged))
	}
	var named []string
	_, section, _ := strings.Cut(read(t, "docs/operations.md"), "\n## Log lines\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(section, -1) {
		named = append(named, row[1])
	}
	slices.Sort(named)
	if d := cmp.Diff(logged, named); d != "" {
		t.Errorf("docs/operations.md, section Log lines (-the code +the page):\n%s", d)
	}
}

// logLines returns the beginnings of all texts of the module that go into a log. Such a text
// is a constant that begins with the name of the project, in a package that logs.
func logLines(t *testing.T) (lines []string) {
	t.Helper()
	for _, p := range list(t) {
		if !slices.Contains(p.deps, "github.com/rs/zerolog") || strings.HasPrefix(p.path, "example/") || strings.HasPrefix(p.path, "cmd/") || p.path == "registry/embedded" {
			continue
		}
		files, err := filepath.Glob(filepath.Join(p.path, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if line := logLine(lit.Value); line != "" {
						lines = append(lines, line)
					}
				}
				return true
			})
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// logLine returns the beginning of a text that is logged, or "" for an error and all else.
func logLine(quoted string) string {
	text, err := strconv.Unquote(quoted)
	if err != nil {
		return ""
	}
	text, ok := strings.CutPrefix(text, "rollcall: ")
	if !ok || strings.Contains(text, "%") {
		return ""
	}
	if stop := strings.IndexAny(text, ":;,."); stop >= 0 {
		text = text[:stop]
	}
	return strings.TrimSpace(text)
}
