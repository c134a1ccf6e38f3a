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

// A book is a registry that knows which nodes stand.
type book struct {
	registry.Registry
	mu     sync.Mutex
	stands map[string]bool
	err    error           // of the next Register
	gate   <-chan struct{} // each Register waits for it
}

func (b *book) Register(ctx context.Context, s *registry.Service, _ ...registry.RegisterOption) error {
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
		b.stands[s.Nodes[0].Address] = true
	}
	return b.err
}

func (b *book) Deregister(_ context.Context, s *registry.Service, _ ...registry.DeregisterOption) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.stands, s.Nodes[0].Address)
	return nil
}

func (b *book) nodes() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprint(slices.Sorted(maps.Keys(b.stands)))
}

// opened is a registrar over a book, and how often that is open.
func opened(b *book) (*registrar, *int) {
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
			b := &book{stands: map[string]bool{}}
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

// Whatever is registered, deregistered and refused in whatever order: a node stands
// after its Register, until its Deregister, save for the one Register that a Deregister
// came before. The registry underneath is open while a node stands.
func TestSequencesOfRegisterAndDeregister(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &book{stands: map[string]bool{}}
		a, open := opened(b)
		infos := []*hertzregistry.Info{shopAt("10.0.0.1:80"), shopAt("10.0.0.1:80"), shopAt("10.0.0.2:80")}
		stands, came, early := map[string]bool{}, map[int]bool{}, map[int]bool{}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			i := rapid.IntRange(0, 2).Draw(t, "info")
			addr := infos[i].Addr.String()
			step := rapid.SampledFrom([]string{"register", "refused", "deregister"}).Draw(t, "step")
			if step == "deregister" {
				if err := a.Deregister(infos[i]); err != nil {
					t.Fatal(err)
				}
				early[i] = early[i] || !came[i] && !stands[addr]
				came[i] = came[i] || stands[addr]
				delete(stands, addr)
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
					stands[addr] = true
				}
			}
			if got, want := b.nodes(), fmt.Sprint(slices.Sorted(maps.Keys(stands))); got != want {
				t.Fatalf("registered are %s, want %s", got, want)
			}
			if (*open == 1) != (len(stands) > 0) {
				t.Fatalf("the registry is open %d times for %d nodes", *open, len(stands))
			}
		}
	})
}

// A Deregister ends all Registers of its node that are under way: none of them brings
// it back later.
func TestDeregisterEndsEveryRegisterUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		b := &book{stands: map[string]bool{}, gate: gate}
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
		b := &book{stands: map[string]bool{}, gate: gate, err: registry.ErrInvalid}
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
