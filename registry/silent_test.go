package registry

import (
	"testing"

	"github.com/rollcall-go/rollcall/internal/informer"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/lifecycle"
	"github.com/rollcall-go/rollcall/internal/registrar"
)

// Without an Observer, what is reported makes no allocation.
func TestSilenceIsFree(t *testing.T) {
	c := &conn{}
	s, k := sink{c}, keys.Service{}
	if c.readSink() != informer.Sink(nil) {
		t.Error("the informer reports without an Observer")
	}
	for name, report := range map[string]func(){
		"a state":   func() { s.StateChanged(k, "a", lifecycle.State(0), nil) },
		"a renewal": func() { s.Renewed(registrar.Round{Calls: 1, Nodes: 2}) },
		"a reap":    func() { s.Reaped(k, nil) },
	} {
		if n := testing.AllocsPerRun(100, report); n != 0 {
			t.Errorf("%s: %v allocations, want none", name, n)
		}
	}
}
