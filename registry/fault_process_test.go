//go:build unix

package registry_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// registrarOf makes this test, in a process of its own, a registrar at the
// address and with the prefix that the variable names, until its input ends.
const registrarOf = "ROLLCALL_TEST_REGISTRAR"

// A process that is paused for longer than its TTL is taken for dead. When it
// goes on, it harms no other node and comes back under its lease.
func TestProcessPaused(t *testing.T) {
	const ttl, interval = 2 * time.Second, 500 * time.Millisecond
	if addr := os.Getenv(registrarOf); addr != "" {
		r := open(t, redistest.Topology{Addrs: []string{addr}}, registry.TTL(ttl), registry.Interval(interval))
		register(t, r, service("shop", node("paused")))
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	t.Parallel()
	server := redistest.Start(t)
	r := open(t, at(server), registry.TTL(ttl), registry.Interval(interval))
	seen := newStates()
	register(t, r, service("shop", node("a"), node("b")), seen.option())
	seen.next(t, registry.Live)

	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), registrarOf+"="+server.Addr())
	input, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = child.Process.Signal(syscall.SIGCONT)
		_ = input.Close()
		if err := child.Wait(); err != nil {
			t.Errorf("the other process: %v", err)
		}
	})
	signal := func(s syscall.Signal) {
		t.Helper()
		if err := child.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}

	shop := storedServiceOf(t, server.Client(), "shop")
	eventually(t, patience, func() error { return showsOnly(t.Context(), r, "shop", "a", "b", "paused") })
	lease := shop.lease("paused")
	signal(syscall.SIGSTOP)
	within(t, ttl+time.Second, "the paused process gone", func() error { return shop.indexed("a", "b") })
	signal(syscall.SIGCONT)
	within(t, interval+time.Second, "the paused process back", func() error {
		return errors.Join(shop.indexed("a", "b", "paused"), showsOnly(t.Context(), r, "shop", "a", "b", "paused"))
	})
	if got := shop.lease("paused"); got != lease {
		t.Errorf("the lease was %s and is %s", lease, got)
	}
	if diff := cmp.Diff([]string{"paused"}, shop.expired()); diff != "" {
		t.Errorf("removed as expired (-want +got):\n%s", diff)
	}
	seen.none(t)
}
