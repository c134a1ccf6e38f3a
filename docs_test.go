package rollcall_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A page is a file that names packages, pages or sections.
type page struct{ path, text string }

// pages returns those of the module, whose names match one of the patterns.
func pages(t *testing.T, patterns ...string) (all []page) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case !slices.ContainsFunc(patterns, func(p string) bool { ok, _ := filepath.Match(p, d.Name()); return ok }):
			return nil
		}
		text, err := os.ReadFile(path)
		all = append(all, page{path, string(text)})
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("no pages %v: %v", patterns, err)
	}
	return all
}

var (
	link    = regexp.MustCompile(`\]\(([^)#:\s]*)(#[^)\s]*)?\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	// A path begins with a directory of ours, or is a page.
	ourPath = regexp.MustCompile("(?:^|[\\s`\"(])((?:registry|discovery|hertzadapter|internal|cmd|example|bench|scripts|tools|docs)/[A-Za-z0-9_./-]*)(#[a-z-]+)?")
)

// What the docs and the comments name, is there: the files and sections that links
// lead to, packages, and pages.
func TestDocsNameWhatExists(t *testing.T) {
	for _, p := range pages(t, "*.md") {
		text := strings.ReplaceAll(p.text, planned(t), "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			to := p.path
			if m[1] != "" {
				to = filepath.Join(filepath.Dir(p.path), m[1])
			}
			exists(t, p.path, to, m[2])
		}
		for _, m := range ourPath.FindAllStringSubmatch(text, -1) {
			exists(t, p.path, m[1], m[2])
		}
	}
	comment := regexp.MustCompile(`(?m)//.*$|"[^"]*docs/[^"]*"`)
	for _, p := range pages(t, "*.go") {
		if p.path == "docs_test.go" || strings.HasPrefix(p.path, "bench/") {
			continue
		}
		for _, c := range comment.FindAllString(p.text, -1) {
			for _, m := range ourPath.FindAllStringSubmatch(c, -1) {
				exists(t, p.path, strings.TrimRight(m[1], "."), m[2])
			}
		}
	}
}

// exists checks that a file or directory is there, and in a page the section.
func exists(t *testing.T, named, path, section string) {
	t.Helper()
	path = strings.TrimSuffix(path, "...")
	text, err := os.ReadFile(path)
	if dir, derr := os.Stat(path); derr == nil && dir.IsDir() {
		return
	}
	if err != nil {
		t.Errorf("%s names %s, which is not there", named, path)
		return
	}
	if section == "" {
		return
	}
	for _, h := range heading.FindAllStringSubmatch(string(text), -1) {
		slug := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(h[1]), "")
		if "#"+strings.ReplaceAll(slug, " ", "-") == section {
			return
		}
	}
	t.Errorf("%s names %s%s, a section that is not there", named, path, section)
}

// block returns the first block of code in docs/design.md after some words.
func block(t *testing.T, after string) string {
	t.Helper()
	text, err := os.ReadFile("docs/design.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), after)
	_, rest, _ = strings.Cut(rest, "```\n")
	found, _, ok := strings.Cut(rest, "```\n")
	if !ok {
		t.Fatalf("docs/design.md has no block of code after %q", after)
	}
	return found
}

// planned is what docs/design.md says will be built.
func planned(t *testing.T) string { return block(t, "Planned, and not there yet:\n") }

// The layout in docs/design.md lists each package that exists, and as planned none
// that does; the tables of imports name no other.
func TestLayoutOfTheDesign(t *testing.T) {
	paths := func(block string) (found []string) {
		for line := range strings.Lines(block) {
			if strings.HasPrefix(line, " ") {
				continue // more about the line before
			}
			for _, word := range strings.Fields(line) {
				if strings.Contains(word, "/") || strings.HasSuffix(word, ".md") {
					found = append(found, strings.TrimSuffix(word, "/"))
				} else {
					break
				}
			}
		}
		return found
	}
	layout := paths(block(t, "## 2. Layout\n"))
	for _, path := range layout {
		exists(t, "docs/design.md", path, "")
	}
	for _, path := range paths(planned(t)) {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("docs/design.md calls %s planned, and it is there", path)
		}
	}
	var have []string
	for _, p := range list(t) {
		have = append(have, p.path)
		if !slices.ContainsFunc(layout, func(l string) bool { return l == p.path || l == "example" && match("example/...", p.path) }) {
			t.Errorf("docs/design.md does not list %s", p.path)
		}
	}
	known := func(pattern string) {
		if !slices.ContainsFunc(have, func(path string) bool { return match(pattern, path) }) {
			t.Errorf("the tables of imports name %s, which is not there", pattern)
		}
	}
	for _, layer := range layers {
		for _, pattern := range layer {
			known(pattern)
		}
	}
	for _, r := range reserved {
		if path, ours := strings.CutPrefix(r.pattern, module); ours {
			known(path)
		}
		for _, pattern := range r.who {
			known(pattern)
		}
	}
}
