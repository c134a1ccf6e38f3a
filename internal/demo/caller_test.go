package demo

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/registry"
)

func TestNote(t *testing.T) {
	c := &caller{tallies: make(map[string]tally)}
	noServer := fmt.Errorf("resolve: %w", registry.ErrNotFound)
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}

	c.note("", noServer, at(0), at(1)) // before the first server is there
	c.note("a", nil, at(2), at(3))
	c.note("a", refused, at(4), at(5))
	c.note("a", refused, at(6), at(7))
	c.note("", noServer, at(8), at(9))

	want := map[string]tally{
		"a": {
			answered: 1, failed: 2, why: map[string]int{"connection refused": 2},
			lastPick: at(6), firstFailure: at(5), lastFailurePick: at(6),
		},
		"": {
			failed: 1, why: map[string]int{"not found": 1},
			lastPick: at(8), firstFailure: at(9), lastFailurePick: at(8),
		},
	}
	if d := cmp.Diff(want, c.count(), cmp.AllowUnexported(tally{})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestRoot(t *testing.T) {
	for want, err := range map[string]error{
		"reset":          fmt.Errorf("read 127.0.0.1:4711: %w", errors.New("reset")),
		"closed by peer": fmt.Errorf("dial 127.0.0.1:80: %w", numbered{}),
	} {
		if got := root(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// numbered is an error as Hertz's network library makes them.
type numbered struct{}

func (numbered) Error() string { return "closed by peer" }
func (numbered) Unwrap() error { return syscall.Errno(257) }
