package rollcall_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// workflows returns the workflows of CI by name of the file.
func workflows(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(".github/workflows/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no workflows: %v", err)
	}
	all := map[string]string{}
	for _, file := range files {
		all[file] = read(t, file)
	}
	return all
}

// Each target of make that a page, a workflow or .ci/run names is in the Makefile.
func TestMakeTargetsThatAreNamed(t *testing.T) {
	targets := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z]+):.*## `).FindAllStringSubmatch(read(t, "Makefile"), -1) {
		targets[m[1]] = true
	}
	steps := regexp.MustCompile(`for step in (.+); do`).FindStringSubmatch(read(t, ".ci/run"))
	if steps == nil {
		t.Fatal(".ci/run has no steps")
	}
	named := map[string]string{".ci/run": "`make " + strings.Join(strings.Fields(steps[1]), "` `make ") + "`"}
	for _, p := range pages(t, "*.md") {
		named[p.path] = p.text
	}
	for file, text := range workflows(t) {
		named[file] = text
	}
	// In backquotes, as a step of a workflow, or as a line of a block of commands.
	command := regexp.MustCompile("(?m)(?:`|run: |^    |^)make ([a-z]+)(?:`| +#.*$|$| [A-Z_]+=)")
	found := 0
	for file, text := range named {
		for _, m := range command.FindAllStringSubmatch(text, -1) {
			found++
			if !targets[m[1]] {
				t.Errorf("%s names make %s, which is not in the Makefile", file, m[1])
			}
		}
	}
	if found < 10 {
		t.Errorf("found %d targets only", found)
	}
}

// CI runs what CONTRIBUTING.md says; actions are pinned to a major version.
func TestWorkflows(t *testing.T) {
	var all strings.Builder
	for file, text := range workflows(t) {
		all.WriteString(text)
		for _, m := range regexp.MustCompile(`uses: *(.*)`).FindAllStringSubmatch(text, -1) {
			if !regexp.MustCompile(`^[\w-]+/[\w-]+@v\d+$`).MatchString(m[1]) {
				t.Errorf("%s uses %s, want a major version", file, m[1])
			}
		}
	}
	for _, step := range []string{".ci/run", "make vuln", "make api"} {
		if !strings.Contains(all.String(), "run: "+step+"\n") {
			t.Errorf("no workflow runs %s", step)
		}
	}
}

// Dependabot looks at every module of the repository.
func TestDependabotKnowsEveryModule(t *testing.T) {
	var want []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == "go.mod" && !strings.Contains(path, "testdata") {
			want = append(want, strings.TrimSuffix("/"+filepath.ToSlash(filepath.Dir(path)), "."))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`gomod\n +directories: \[(.*)\]`).FindStringSubmatch(read(t, ".github/dependabot.yml"))
	if m == nil {
		t.Fatal("dependabot.yml has no directories of gomod")
	}
	got := strings.Split(m[1], ", ")
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("modules (-want +got):\n%s", diff)
	}
}

// The changelog begins with what is unreleased, then releases, the newest first, each
// with a date and a link.
func TestChangelog(t *testing.T) {
	text := read(t, "CHANGELOG.md")
	sections := regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(text, -1)
	if len(sections) < 2 || sections[0][1] != "[Unreleased]" {
		t.Fatalf("sections %q, want [Unreleased] and a release", sections)
	}
	before := time.Now().AddDate(100, 0, 0)
	for _, s := range sections[1:] {
		m := regexp.MustCompile(`^\[(\d+\.\d+\.\d+)\] - (\S+)$`).FindStringSubmatch(s[1])
		if m == nil {
			t.Errorf("## %s, want a version and a date", s[1])
			continue
		}
		day, err := time.Parse(time.DateOnly, m[2])
		if err != nil || day.After(before) {
			t.Errorf("## %s: %v, or later than the release above", s[1], err)
		}
		before = day
		if !strings.Contains(text, "\n["+m[1]+"]: https://") {
			t.Errorf("## %s has no link", s[1])
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^### (.*)$`).FindAllStringSubmatch(text, -1) {
		if !slices.Contains([]string{"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}, m[1]) {
			t.Errorf("### %s is no kind of change", m[1])
		}
	}
}

// A link whose text is the name of a test leads to the file that has it.
func TestLinkedTestsExist(t *testing.T) {
	link := regexp.MustCompile("\\[`?((?:Test|Benchmark|Fuzz|Example)\\w*)`?\\]\\(([^)#]+)\\)")
	found := 0
	for _, p := range pages(t, "*.md") {
		for _, m := range link.FindAllStringSubmatch(p.text, -1) {
			found++
			file := filepath.Join(filepath.Dir(p.path), m[2])
			if text, _ := os.ReadFile(file); !strings.Contains(string(text), "\nfunc "+m[1]+"(") {
				t.Errorf("%s says that %s is in %s, and it is not", p.path, m[1], file)
			}
		}
	}
	if found == 0 {
		t.Error("found no links to tests")
	}
}

// The table of README names each library that go.mod requires itself.
func TestREADMENamesEachLibrary(t *testing.T) {
	_, table, _ := strings.Cut(read(t, "README.md"), "### What is ours, what is a library's")
	table, _, _ = strings.Cut(table, "\n### ")
	required := regexp.MustCompile(`(?m)^\t(\S+?)(?:/v\d+)? v\S+$`).FindAllStringSubmatch(read(t, "go.mod"), -1)
	if len(required) == 0 {
		t.Fatal("go.mod requires nothing")
	}
	for _, m := range required {
		if name := path.Base(m[1]); !strings.Contains(table, "["+name+"](https://") {
			t.Errorf("go.mod requires %s, and the table does not name [%s]", m[1], name)
		}
	}
}
