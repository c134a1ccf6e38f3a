//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

// The command does not outlive rollcall run, even where that is killed.
func TestRunKilled(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	cmd := exec.Command(binary, "run", "--redis", redistest.Start(t).URL(), "--service", "shop", "--address", "10.0.0.1:80", "--",
		"/bin/sh", "-c", "echo $$ >"+file+"; exec sleep 600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() { <-ended })
	pid := awaitPid(t, file)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, pid)
}

// awaitPid waits until a process has written its number to a file.
func awaitPid(t *testing.T, file string) (pid int) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		if text, err := os.ReadFile(file); err == nil && len(text) > 0 && text[len(text)-1] == '\n' {
			return pidOf(t, strings.TrimSpace(string(text)))
		}
		if time.Now().After(deadline) {
			t.Fatal("the command has not started")
		}
		<-time.After(10 * time.Millisecond)
	}
}
