package check

import (
	"debug/elf"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"go.uber.org/goleak"
)

// stages parses the Dockerfile as docker build does.
func stages(t *testing.T) []instructions.Stage {
	t.Helper()
	parsed, err := parser.Parse(strings.NewReader(read(t, "../Dockerfile")))
	if err != nil {
		t.Fatal(err)
	}
	all, _, err := instructions.Parse(parsed.AST, linter.New(&linter.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || len(parsed.Warnings) > 0 {
		t.Fatalf("%d stages, want 2; %v", len(all), parsed.Warnings)
	}
	return all
}

// buildLine returns the command of the Dockerfile that makes the binary.
func buildLine(t *testing.T) string {
	t.Helper()
	for _, c := range stages(t)[0].Commands {
		if run, ok := c.(*instructions.RunCommand); ok && strings.Contains(run.CmdLine[0], "go build") {
			return run.CmdLine[0]
		}
	}
	t.Fatal("no go build in the Dockerfile")
	return ""
}

var built struct {
	once sync.Once
	path string
}

// binary makes the binary, by the very command of the Dockerfile but for where it is written.
func binary(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		const at = "-o /rollcall "
		line := buildLine(t)
		if strings.Count(line, at) != 1 {
			t.Fatalf("%q does not write /rollcall", line)
		}
		path := filepath.Join(dir, "rollcall")
		cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(line, at, "-o "+path+" ", 1))
		cmd.Dir = "../.."
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		built.path = path
	})
	if built.path == "" {
		t.Fatal("the binary was not built")
	}
	return built.path
}

var dir string // for the binary

func TestMain(m *testing.M) {
	var err error
	if dir, err = os.MkdirTemp("", "rollcall"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// The image has a static binary, which is what it starts, as a user without rights: Kubernetes
// wants a number to see that.
func TestTheImage(t *testing.T) {
	path := binary(t)
	if out, err := exec.CommandContext(t.Context(), path, "version").CombinedOutput(); err != nil || len(out) == 0 {
		t.Errorf("rollcall version: %v, %s", err, out)
	}
	if f, err := elf.Open(path); err == nil { // else no Linux
		defer f.Close()
		if libraries, err := f.ImportedLibraries(); err != nil || len(libraries) > 0 || f.Section(".interp") != nil {
			t.Errorf("the binary is not static: %v, %v", libraries, err)
		}
	}

	var user, copied string
	var entry []string
	for _, c := range stages(t)[1].Commands {
		switch c := c.(type) {
		case *instructions.UserCommand:
			user = c.User
		case *instructions.EntrypointCommand:
			entry = c.CmdLine
		case *instructions.CopyCommand:
			if c.From == "build" && slices.Contains(c.SourcePaths, "/rollcall") {
				copied = c.DestPath
			}
		}
	}
	if user != "65532:65532" {
		t.Errorf("USER is %q, want a number other than 0", user)
	}
	if copied == "" || !slices.Equal(entry, []string{copied}) {
		t.Errorf("the binary is at %q, and %q is started", copied, entry)
	}
}

// accepts fails where rollcall does not take a command, up to its --, and returns the values of
// its flags.
func accepts(t *testing.T, file string, command []string) map[string]string {
	t.Helper()
	end := slices.Index(command, "--")
	if end < 0 || end == len(command)-1 {
		t.Fatalf("%s: no program after --: %v", file, command)
	}
	cmd := exec.CommandContext(t.Context(), binary(t), append(slices.Clone(command[1:end]), "--help")...)
	cmd.Stdout = io.Discard
	var errs strings.Builder
	if cmd.Stderr = &errs; cmd.Run() != nil {
		t.Errorf("%s: rollcall does not take %v: %s", file, command[1:end], errs.String())
	}
	flags := map[string]string{}
	for _, arg := range command[1:end] {
		if name, value, ok := strings.Cut(arg, "="); ok {
			flags[name] = value
		}
	}
	return flags
}
