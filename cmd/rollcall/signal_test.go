//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/internal/redistest"
)

// A running demo, and its output line by line.
type running struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

func startDemo(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, binary, append([]string{"demo"}, args...)...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &running{cmd, bufio.NewScanner(stdout)}
}

func (r *running) await(t *testing.T, part string) string {
	t.Helper()
	for r.lines.Scan() {
		if strings.Contains(r.lines.Text(), part) {
			return r.lines.Text()
		}
	}
	t.Fatalf("no %q before the end: %v", part, r.cmd.Wait())
	return ""
}

// interrupt does what Ctrl-C does to the demo, and waits for its end.
func (r *running) interrupt(t *testing.T) (exit int) {
	t.Helper()
	start := time.Now()
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for r.lines.Scan() { // to the end
	}
	err := r.cmd.Wait()
	if took := time.Since(start); took > 6*time.Second {
		t.Errorf("took %v to end", took)
	}
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return r.cmd.ProcessState.ExitCode()
}

// pidOf reads the process of a node out of a line that ends with it.
func pidOf(t *testing.T, line string) int {
	t.Helper()
	pid, err := strconv.Atoi(line[strings.LastIndexByte(line, ' ')+1:])
	if err != nil {
		t.Fatalf("no process in %q", line)
	}
	return pid
}

// awaitGone waits until a process that is not our child has ended.
func awaitGone(t *testing.T, pid int) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !gone(pid) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d still runs", pid)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// gone reports whether a process has ended, if only as a zombie that no parent has
// waited for yet.
func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, rest, _ := strings.Cut(string(stat), ") ")
	return err == nil && strings.HasPrefix(rest, "Z")
}

func TestCtrlCDuringTheScript(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	r := startDemo(t, "--redis", s.URL())
	r.await(t, "known")
	if exit := r.interrupt(t); exit != cli.ExitInterrupted {
		t.Errorf("exit status %d, want %d", exit, cli.ExitInterrupted)
	}
	left, err := s.Client().Keys(t.Context(), "*").Result()
	if err != nil || len(left) > 0 {
		t.Errorf("keys left: %v, %v", left, err)
	}
}

func TestKeepGoesOnUntilCtrlC(t *testing.T) {
	t.Parallel()
	r := startDemo(t, "--keep")
	pid := pidOf(t, r.await(t, "node-1 is process "))
	r.await(t, "keep")
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	r.await(t, "node-1 (draining)")
	r.await(t, "calls")
	if exit := r.interrupt(t); exit != 0 {
		t.Errorf("exit status %d, want 0", exit)
	}
}

func TestNodesDoNotOutliveAKilledDemo(t *testing.T) {
	t.Parallel()
	r := startDemo(t)
	var pids []int
	for range 3 {
		pids = append(pids, pidOf(t, r.await(t, " is process ")))
	}
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = r.cmd.Wait()
	for _, pid := range pids {
		awaitGone(t, pid)
	}
}
