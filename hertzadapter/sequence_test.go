package hertzadapter

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	hertzregistry "github.com/cloudwego/hertz/pkg/app/server/registry"
	"github.com/rs/zerolog"
	"pgregory.net/rapid"

	"github.com/rollcall-go/rollcall/registry"
)

// A fakeRegistry is a registry that records which nodes are registered.
type fakeRegistry struct {
	registry.Registry
	mu         sync.Mutex
	registered map[string]bool
	err        error           // of the next Register
	gate       <-chan struct{} // each Register waits for it
}

func (b *fakeRegistry) Register(ctx context.Context, s *registry.Service, _ ...registry.RegisterOption) error {
	if b.gate != nil {
		select {
		case <-b.gate:
		case <-ctx.Done():
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if b.err == nil {
		b.registered[s.Nodes[0].Address] = true
	}
	return b.err
}

func (b *fakeRegistry) Deregister(_ context.Context, s *registry.Service, _ ...registry.DeregisterOption) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.registered, s.Nodes[0].Address)
	return nil
}

func (b *fakeRegistry) nodes() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprint(slices.Sorted(maps.Keys(b.registered)))
}

// opened is a registrar over a fakeRegistry, and how often that is open.
func opened(b *fakeRegistry) (*registrar, *int) {
	open := new(int)
	h := &holder{open: func() (registry.Registry, closer) {
		*open++
		return b, func(context.Context) error { *open--; return nil }
	}}
	return newRegistrar(h, newOptions([]RegistryOption{WithLogger(zerolog.Nop())})), open
}

func TestADeregisterTooManyChangesNothing(t *testing.T) {
	for name, equal := range map[string]bool{"the same Info": false, "an equal Info": true} {
		t.Run(name, func(t *testing.T) {
			b := &fakeRegistry{registered: map[string]bool{}}
			a, _ := opened(b)
			info := shopAt("10.0.0.1:80")
			must(t, a.Register(info))
			if equal {
				info = shopAt("10.0.0.1:80")
			}
			must(t, a.Deregister(info))
			must(t, a.Deregister(info))
			must(t, a.Register(info))
			if got := b.nodes(); got != "[10.0.0.1:80]" {
				t.Errorf("Register has returned nil, and registered are %s", got)
			}
		})
	}
}

// In any order of Register, Deregister and refusal: a node is registered
// after its Register, until its Deregister, save for the one Register that a Deregister
// came before. The registry underneath is open while a node is registered.
func TestSequencesOfRegisterAndDeregister(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &fakeRegistry{registered: map[string]bool{}}
		a, open := opened(b)
		infos := []*hertzregistry.Info{shopAt("10.0.0.1:80"), shopAt("10.0.0.1:80"), shopAt("10.0.0.2:80")}
		registered, came, early := map[string]bool{}, map[int]bool{}, map[int]bool{}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			i := rapid.IntRange(0, 2).Draw(t, "info")
			addr := infos[i].Addr.String()
			step := rapid.SampledFrom([]string{"register", "refused", "deregister"}).Draw(t, "step")
			if step == "deregister" {
				if err := a.Deregister(infos[i]); err != nil {
					t.Fatal(err)
				}
				early[i] = early[i] || !came[i] && !registered[addr]
				came[i] = came[i] || registered[addr]
				delete(registered, addr)
			} else {
				b.err = map[string]error{"refused": registry.ErrInvalid}[step]
				err := a.Register(infos[i])
				came[i] = true
				switch {
				case early[i]:
					early[i] = false
					if err != nil {
						t.Fatalf("a Register that came too late: %v", err)
					}
				case (err != nil) != (step == "refused"):
					t.Fatalf("%s: %v", step, err)
				case err == nil:
					registered[addr] = true
				}
			}
			if got, want := b.nodes(), fmt.Sprint(slices.Sorted(maps.Keys(registered))); got != want {
				t.Fatalf("registered are %s, want %s", got, want)
			}
			if (*open == 1) != (len(registered) > 0) {
				t.Fatalf("the registry is open %d times for %d nodes", *open, len(registered))
			}
		}
	})
}

// A Deregister ends all Registers of its node that are under way: none of them brings
// it back later.
func TestDeregisterEndsEveryRegisterUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		b := &fakeRegistry{registered: map[string]bool{}, gate: gate}
		a, open := opened(b)
		info := shopAt("10.0.0.1:80")
		var calls sync.WaitGroup
		for range 3 {
			calls.Go(func() {
				if err := a.Register(info); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		must(t, a.Deregister(info))
		close(gate)
		calls.Wait()
		if got := b.nodes(); got != "[]" || *open != 0 {
			t.Errorf("registered are %s, and the registry is open %d times", got, *open)
		}
	})
}

// Of two Registers that are under way together and both fail, nothing is left.
func TestRegistersThatFailTogetherLeaveNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		b := &fakeRegistry{registered: map[string]bool{}, gate: gate, err: registry.ErrInvalid}
		a, open := opened(b)
		info := shopAt("10.0.0.1:80")
		var calls sync.WaitGroup
		for range 2 {
			calls.Go(func() {
				if a.Register(info) == nil {
					t.Error("nil, want an error")
				}
			})
			synctest.Wait()
		}
		close(gate)
		calls.Wait()
		if *open != 0 || len(a.live) != 0 {
			t.Errorf("the registry is open %d times, %d are entered", *open, len(a.live))
		}
	})
}
