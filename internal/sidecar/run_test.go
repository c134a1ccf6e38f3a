//go:build unix

package sidecar

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A sidecar under test, with a shell script as its command.
type tested struct {
	t       *testing.T
	dir     string // where the script runs
	signals chan os.Signal
	log     *redistest.Buffer
	reader  *registry.Redis // another process's
	ended   chan struct{}
	code    int
	err     error
}

// run starts a sidecar of a shell script on a Redis.
func run(t *testing.T, url, script string, change ...func(*Config)) *tested {
	t.Helper()
	s := &tested{t: t, dir: t.TempDir(), signals: make(chan os.Signal, 10), log: new(redistest.Buffer), ended: make(chan struct{})}
	logger := zerolog.New(s.log)
	options := []registry.Option{registry.URL(url), registry.TTL(time.Second), registry.Timeout(time.Second)}
	s.reader = registry.NewRegistry(append(options, registry.Logger(zerolog.Nop()))...)
	t.Cleanup(func() { _ = s.reader.Close(context.Background()) })
	cfg := Config{
		Registry: registry.NewRegistry(append(options, registry.Logger(logger))...),
		Service:  &registry.Service{Name: "shop", Nodes: []*registry.Node{{Address: "10.0.0.1:80"}}},
		Command:  []string{"/bin/sh", "-c", "cd " + s.dir + "\n" + script},
		Stdout:   s.log, Stderr: s.log, Signals: s.signals, Logger: logger,
		CheckInterval: 20 * time.Millisecond,
	}
	for _, c := range change {
		c(&cfg)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(s.ended)
		s.code, s.err = Run(ctx, cfg)
	}()
	t.Cleanup(func() {
		cancel()
		s.signals <- syscall.SIGTERM
		select {
		case <-s.ended:
		case <-time.After(20 * time.Second):
			t.Errorf("still runs:\n%s", s.log)
		}
	})
	return s
}

// eventually polls until f is true.
func (s *tested) eventually(what string, f func() bool) {
	s.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !f() {
		if time.Now().After(deadline) {
			s.t.Fatalf("never %s\n%s", what, s.log)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// status is that of the node in Redis, or "none".
func (s *tested) status() string {
	found, err := s.reader.GetService(s.t.Context(), "shop")
	if err != nil {
		if errors.Is(err, registry.ErrNotFound) {
			return "none"
		}
		return err.Error()
	}
	return found[0].Nodes[0].Status.String()
}

func (s *tested) await(status string) {
	s.t.Helper()
	s.eventually("is "+status, func() bool { return s.status() == status })
}

// file says whether the script has written a file.
func (s *tested) file(name string) bool {
	_, err := os.Stat(filepath.Join(s.dir, name))
	return err == nil
}

func (s *tested) awaitExit(code int) {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(20 * time.Second):
		s.t.Fatalf("still runs:\n%s", s.log)
	}
	if s.code != code || s.err != nil {
		s.t.Errorf("exit code %d, %v, want %d\n%s", s.code, s.err, code, s.log)
	}
}

// untilTold runs until SIGTERM, which makes it end with 7.
const untilTold = `trap 'touch told; exit 7' TERM; touch started; while :; do sleep 0.02; done`

func TestRunRegistersDrainsAndLeaves(t *testing.T) {
	t.Parallel()
	s := run(t, redistest.Start(t).URL(), untilTold, func(c *Config) { c.Drain = time.Second })
	s.await("up")
	s.signals <- syscall.SIGTERM
	s.await("draining")
	if s.file("told") {
		t.Error("the signal was handed on before the drain was over")
	}
	s.awaitExit(7)
	if got := s.status(); got != "none" {
		t.Errorf("after the end the node is %s", got)
	}
}

func TestRunSecondSignalEndsTheDrain(t *testing.T) {
	t.Parallel()
	s := run(t, redistest.Start(t).URL(), untilTold, func(c *Config) { c.Drain = time.Hour })
	s.await("up")
	s.signals <- syscall.SIGTERM
	s.await("draining")
	s.signals <- syscall.SIGHUP // handed on; the drain goes on
	s.signals <- syscall.SIGTERM
	s.awaitExit(128 + int(syscall.SIGHUP))
}

func TestRunExitCodes(t *testing.T) {
	t.Parallel()
	url := redistest.Start(t).URL()
	for _, tc := range []struct {
		command []string
		code    int
		err     string
	}{
		{[]string{"true"}, 0, ""},
		{[]string{"sh", "-c", "exit 3"}, 3, ""},
		{[]string{"sh", "-c", "kill -KILL $$"}, 137, ""},
		{[]string{"/no/such/command"}, 127, "/no/such/command"},
		{[]string{"no-such-command"}, 127, "no-such-command"},
		{[]string{"/etc"}, 126, "/etc"},
	} {
		s := run(t, url, "", func(c *Config) { c.Command = tc.command })
		<-s.ended
		if s.code != tc.code || tc.err == "" && s.err != nil || tc.err != "" && (s.err == nil || !strings.Contains(s.err.Error(), tc.err)) {
			t.Errorf("%q: %d, %v, want %d, %q", tc.command, s.code, s.err, tc.code, tc.err)
		}
	}
}

func TestRunRefusesBadInputBeforeItStartsAnything(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(*Config){
		"name":    func(c *Config) { c.Service.Name = "" },
		"address": func(c *Config) { c.Service.Nodes[0].Address = "nowhere" },
		"TTL":     func(c *Config) { c.Service.TTL = time.Millisecond },
		"command": func(c *Config) { c.Command = nil },
		"nodes":   func(c *Config) { c.Service.Nodes = nil },
		"drain":   func(c *Config) { c.Drain = -1 },
	} {
		s := run(t, "redis://127.0.0.1:1", "touch started", change)
		<-s.ended
		if s.err == nil || s.file("started") {
			t.Errorf("%s: %v, and started is %v", what, s.err, s.file("started"))
		}
		if s.log.String() != "" {
			t.Errorf("%s: logged\n%s", what, s.log)
		}
	}
}

func TestRunFollowsTheCheck(t *testing.T) {
	t.Parallel()
	check := filepath.Join(t.TempDir(), "well")
	s := run(t, redistest.Start(t).URL(), untilTold, func(c *Config) {
		c.CheckFailures = 2
		c.Check, _ = ParseCheck("cmd:test -e " + check)
	})
	s.eventually("started", func() bool { return s.file("started") })
	for range 2 {
		s.eventually("logged that the check fails", func() bool { return strings.Contains(s.log.String(), "the check fails") })
		if got := s.status(); got != "none" {
			t.Errorf("before the check passes the node is %s", got)
		}
		if err := os.WriteFile(check, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		s.await("up")
		if err := os.Remove(check); err != nil {
			t.Fatal(err)
		}
		s.await("none")
	}
}

func TestRunSurvivesAFlush(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := run(t, server.URL(), untilTold)
	s.await("up")
	server.Flush()
	s.await("up")
}

func TestRunWithoutRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Kill()
	s := run(t, server.URL(), untilTold, func(c *Config) { c.Drain = time.Hour })
	s.eventually("started", func() bool { return s.file("started") })
	server.Restart(false)
	s.await("up")
	server.Kill()
	s.signals <- syscall.SIGTERM
	s.signals <- syscall.SIGTERM
	s.awaitExit(7)
}

// The newer process keeps the node, also when the check of the older one fails and passes.
func TestRunLeavesANodeThatAnotherProcessHas(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	well := filepath.Join(t.TempDir(), "well")
	s := run(t, server.URL(), untilTold, func(c *Config) {
		c.Service.Nodes[0].Zone = "old"
		c.CheckFailures = 1
		c.Check = func(context.Context) error { _, err := os.Stat(well); return err }
	})
	if err := os.WriteFile(well, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.await("up")
	if err := s.reader.Register(t.Context(), &registry.Service{Name: "shop", Nodes: []*registry.Node{{Address: "10.0.0.1:80", Zone: "new"}}}); err != nil {
		t.Fatal(err)
	}
	s.eventually("superseded", func() bool { return strings.Contains(s.log.String(), "newer") })
	if err := os.Remove(well); err != nil {
		t.Fatal(err)
	}
	s.eventually("noticed that the check fails", func() bool { return strings.Contains(s.log.String(), "deregistered until") })
	if err := os.WriteFile(well, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.eventually("noticed that the check passes", func() bool { return strings.Count(s.log.String(), "the check passes") == 2 })
	s.signals <- syscall.SIGTERM
	s.awaitExit(7)
	found, err := s.reader.GetService(t.Context(), "shop")
	if err != nil || found[0].Nodes[0].Zone != "new" {
		t.Errorf("%v, %v", found, err)
	}
}

func TestRunKillsWhatTheCommandLeavesBehind(t *testing.T) {
	t.Parallel()
	s := run(t, redistest.Start(t).URL(), `sh -c 'trap "" TERM; echo $$ >child; while :; do sleep 0.02; done' & while ! test -s child; do sleep 0.01; done; exit 4`)
	s.awaitExit(4)
	text, err := os.ReadFile(filepath.Join(s.dir, "child"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil {
		t.Fatal(err)
	}
	s.eventually("ended what the command left behind", func() bool { return gone(pid) })
}

// gone reports whether a process has ended, if only as a zombie.
func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, rest, _ := strings.Cut(string(stat), ") ")
	return err == nil && strings.HasPrefix(rest, "Z")
}
