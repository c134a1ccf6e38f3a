package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

// binary is this command, built.
var binary string

func TestMain(m *testing.M) { goleak.VerifyTestMain(built{m}) }

// built runs the tests with binary in place.
type built struct{ m *testing.M }

func (b built) Run() int {
	dir, err := os.MkdirTemp("", "rollcall")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "rollcall")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return b.m.Run()
}

func runDemo(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"demo"}, args...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	took := time.Since(start)
	if err != nil {
		t.Fatalf("demo: %v\n%s%s", err, &stderr, &stdout)
	}
	if took >= 30*time.Second {
		t.Errorf("demo took %v, want under 30s", took)
	}
	if stderr.Len() > 0 {
		t.Errorf("noise on standard error:\n%s", &stderr)
	}
	out := stdout.String()
	if strings.ContainsRune(out, '\x1b') {
		t.Errorf("escape codes in a pipe:\n%s", out)
	}
	for _, want := range []string{"\nsummary\n", "node-3 is killed", "(lease + 1s)", "\nok "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	return out
}

func TestDemoOnTheEmbeddedRedis(t *testing.T) {
	t.Parallel()
	t.Log("\n" + runDemo(t))
}

func TestDemoOnARealRedisLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	runDemo(t, "--redis", s.URL())
	left, err := s.Client().Keys(t.Context(), "*").Result()
	if err != nil || len(left) > 0 {
		t.Errorf("keys left: %v, %v", left, err)
	}
}

func TestDemoSaysThatRedisIsNotThere(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), binary, "demo", "--redis", "redis://user:secret@127.0.0.1:1").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "127.0.0.1:1") || strings.Contains(string(out), "secret") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestVersion(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), binary, "version").Output()
	if err != nil || !strings.HasPrefix(string(out), "rollcall ") {
		t.Errorf("%v\n%s", err, out)
	}
}
