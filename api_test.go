package rollcall_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	twoFuncs   = "package greet\n\nfunc Hello() {}\n\nfunc Bye() {}\n"
	threeFuncs = twoFuncs + "\nfunc Again() {}\n"
	oneFunc    = "package greet\n\nfunc Hello() {}\n"
)

// make api, on small modules: it fails on incompatible changes of what others can
// import, and says what they are.
func TestAPIComparesWithTheLastTag(t *testing.T) {
	for _, tc := range []struct {
		name   string
		tagged bool
		files  map[string]string // after the tag; "" removes one
		want   []string
		fails  bool
	}{
		{"no tag", false, nil, []string{"no tag yet"}, false},
		{"nothing changed", true, nil, []string{"compatible with v0.1.0"}, false},
		{"added", true, map[string]string{"greet/greet.go": threeFuncs}, []string{"Again: added", "compatible with v0.1.0"}, false},
		{"removed", true, map[string]string{"greet/greet.go": oneFunc}, []string{"example.com/m/greet\n", "Bye: removed", "not compatible with v0.1.0"}, true},
		{"package removed", true, map[string]string{"greet/greet.go": ""}, []string{"package removed", "not compatible with v0.1.0"}, true},
		{"internal", true, map[string]string{"internal/x/x.go": ""}, []string{"compatible with v0.1.0"}, false},
		{"broken", true, map[string]string{"greet/greet.go": "package greet\n\nfunc {"}, []string{"greet.go"}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := smallModule(t)
			if tc.tagged {
				git(t, dir, "tag", "v0.1.0")
			}
			for file, text := range tc.files {
				write(t, filepath.Join(dir, file), text)
			}
			says(t, dir, tc.fails, tc.want...)
		})
	}
}

// A shallow clone has no tags: that must not look like a project that has none.
func TestAPIOfAShallowClone(t *testing.T) {
	origin, dir := smallModule(t), t.TempDir()
	git(t, origin, "tag", "v0.1.0")
	git(t, origin, "commit", "-q", "--allow-empty", "-m", "more")
	git(t, dir, "clone", "-q", "--depth=1", "--no-tags", "file://"+origin, ".")
	says(t, dir, true, "git fetch --unshallow --tags")
}

// smallModule makes a repository of a module with a package, one that is internal, a
// command, the script and its tools.
func smallModule(t *testing.T) string {
	dir := t.TempDir()
	for file, text := range map[string]string{
		"go.mod":          "module example.com/m\n\ngo 1.26.0\n",
		"main.go":         "package main\n\nfunc main() {}\n",
		"greet/greet.go":  twoFuncs,
		"internal/x/x.go": "package x\n\nfunc Used() {}\n",
	} {
		write(t, filepath.Join(dir, file), text)
	}
	for _, file := range []string{"scripts/api", "tools/go.mod", "tools/go.sum"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, file), string(text))
	}
	git(t, dir, "init", "-q")
	git(t, dir, "add", ".")
	git(t, dir, "commit", "-q", "-m", "all")
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if text == "" {
		err = os.Remove(path)
	} else if err == nil {
		err = os.WriteFile(path, []byte(text), 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	args = append([]string{"-C", dir, "-c", "user.name=Test", "-c", "user.email=test@example.com"}, args...)
	if out, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// says runs the script there, and looks for words in what it prints.
func says(t *testing.T, dir string, fails bool, want ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "scripts/api")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if (err != nil) != fails {
		t.Errorf("%v, want failure %v", err, fails)
	}
	for _, w := range want {
		if !strings.Contains(string(out), w) {
			t.Errorf("does not say %q", w)
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}
