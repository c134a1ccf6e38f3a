package hertzadapter

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	hertzregistry "github.com/cloudwego/hertz/pkg/app/server/registry"

	"github.com/rollcall-go/rollcall/registry"
)

// Infos that come and go leave nothing behind in a registrar once the program has let go
// of them, however they went. What is still held keeps its phase.
func TestARegistrarShrinks(t *testing.T) {
	const infos = 1000
	b := &fakeRegistry{registered: map[string]bool{}}
	a, open := opened(b)
	held := shopAt("10.0.1.1:80")
	must(t, a.Deregister(held)) // before its Register
	for i := range infos {
		info := shopAt(fmt.Sprintf("10.0.0.1:%d", i+1))
		b.err = nil
		switch i % 4 {
		case 0:
			must(t, a.Register(info))
			must(t, a.Deregister(info))
		case 1: // too late, and once more
			must(t, a.Deregister(info))
			must(t, a.Register(info))
			must(t, a.Register(info))
			must(t, a.Deregister(info))
		case 2:
			must(t, a.Deregister(info))
		case 3:
			b.err = registry.ErrInvalid
			if a.Register(info) == nil {
				t.Fatal("not refused")
			}
		}
	}
	b.err = nil
	if len(a.live) != 0 || *open != 0 || a.holder.users != 0 {
		t.Errorf("%d live, opened %d times, %d users", len(a.live), *open, a.holder.users)
	}
	left := func() int {
		runtime.GC() // cleanups run some time after it
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.phases.of)
	}
	for deadline := time.Now().Add(time.Minute); left() != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d phases are left of %d Infos that are gone, and one that is held", left(), infos)
		}
	}
	must(t, a.Register(held))
	if got := b.nodes(); got != "[]" {
		t.Errorf("a Register that came too late has registered %s", got)
	}
	must(t, a.Register(held))
	if got := b.nodes(); got != "[10.0.1.1:80]" {
		t.Errorf("registered are %s", got)
	}
	must(t, a.Deregister(held))
}

// An Info in a variable of a package is never garbage collected.
var global = *shopAt("10.0.0.1:80")

func TestAnInfoOfAPackage(t *testing.T) {
	a, _ := opened(&fakeRegistry{registered: map[string]bool{}})
	holds := struct {
		name string
		info hertzregistry.Info
	}{"first", *shopAt("10.0.0.2:80")}
	for _, info := range []*hertzregistry.Info{&global, &holds.info} {
		must(t, a.Register(info))
		must(t, a.Deregister(info))
		must(t, a.Deregister(info))
	}
	if got := len(a.phases.of); got != 2 {
		t.Errorf("%d phases, want 2", got)
	}
	runtime.KeepAlive(&holds)
}

func TestASweeperShrinks(t *testing.T) {
	s := &sweeper{suspects: map[string]bool{}}
	for round := range 10 {
		v := &registry.View{Services: []*registry.Service{{Name: "shop"}}}
		for i := range 1000 {
			v.Services[0].Nodes = append(v.Services[0].Nodes, &registry.Node{Address: fmt.Sprintf("10.0.%d.1:%d", round, i+1)})
		}
		s.see(v)
	}
	s.see(&registry.View{StaleSince: time.Now()})
	if len(s.listed) != 0 || len(s.suspects) != 10_000 {
		t.Errorf("%d nodes stand, %d are suspects", len(s.listed), len(s.suspects))
	}
	s.sweep(t.Context(), time.Now())
	if len(s.suspects) != 0 {
		t.Errorf("%d suspects after they were looked at", len(s.suspects))
	}
}
