//go:build unix

// Package example tests that the two examples do what their comments say.
package example

import (
	"bufio"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func build(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if out, err := exec.Command("go", "build", "-o", path, "./"+name).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	return path
}

// freeAddr returns an address on which nothing listens.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestTheClientFindsTheServer(t *testing.T) {
	dir := t.TempDir()
	server, client := build(t, dir, "server"), build(t, dir, "client")
	redis, addr := freeAddr(t), freeAddr(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	call := func() (string, error) {
		out, err := exec.CommandContext(ctx, client, "-redis", redis, "-name", "shop").CombinedOutput()
		return string(out), err
	}

	if out, err := call(); err == nil || !strings.Contains(out, "no Redis at "+redis) {
		t.Errorf("client without a Redis: %v\n%s", err, out)
	}

	cmd := exec.CommandContext(ctx, server, "-redis", redis, "-addr", addr, "-name", "shop")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	if !lines.Scan() || !strings.Contains(lines.Text(), "no Redis listens on "+redis+": an embedded one was started there") {
		t.Errorf("the server's first line: %q", lines.Text())
	}

	out, err := call() // at once: Hertz has not registered the server yet
	if err != nil || out != strings.Repeat("hello from "+addr+"\n", 5) {
		t.Errorf("client: %v\n%s", err, out)
	}
	if out, err := exec.CommandContext(ctx, client, "-redis", redis, "-name", "nobody").CombinedOutput(); err == nil || !strings.Contains(string(out), `no server "nobody"`) {
		t.Errorf("client of an unknown service: %v\n%s", err, out)
	}

	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // to the end
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("server: %v", err)
	}
}
