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
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m) }

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

	if out, err := call(); err == nil || !strings.Contains(out, "no Redis answers rollcall on redis "+redis) {
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

// Both ends of a rolling deploy: servers are replaced, and no call fails.
func TestARollingDeploy(t *testing.T) {
	dir := t.TempDir()
	server, client := build(t, dir, "server"), build(t, dir, "client")
	redis := redistest.Start(t)
	serve := func() (addr string, end func()) {
		addr = freeAddr(t)
		cmd := exec.CommandContext(t.Context(), server, "-redis", redis.URL(), "-addr", addr, "-name", "shop")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return addr, func() {
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("server: %v", err)
			}
		}
	}
	old, end := serve()
	calls := exec.CommandContext(t.Context(), client, "-redis", redis.URL(), "-name", "shop", "-every", "2ms")
	stdout, err := calls.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := calls.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	await := func(what string, is func(line string) bool) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), "failed") {
				t.Error(lines.Text())
			}
			if is(lines.Text()) {
				return
			}
		}
		t.Fatalf("never: %s", what)
	}
	await("the first answers", func(line string) bool { return strings.Contains(line, old) })
	for range 2 {
		next, endNext := serve()
		await("both answer", func(line string) bool { return strings.Contains(line, old) && strings.Contains(line, next) })
		end()
		await("the new one alone answers", func(line string) bool { return !strings.Contains(line, old) && strings.Contains(line, next) })
		old, end = next, endNext
	}
	if err := calls.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // to the end
	}
	if err := calls.Wait(); err != nil {
		t.Errorf("client: %v", err)
	}
	end()
}
