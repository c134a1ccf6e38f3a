package discovery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-go/rollcall/internal/unknown"
	"github.com/rollcall-go/rollcall/registry"
)

// A catalogue is a source that knows some services, and counts what it is asked.
type catalogue struct {
	Source
	mu    sync.Mutex
	knows map[string]bool
	err   error
	slow  time.Duration
	asked atomic.Int64
}

func (b *catalogue) Knows(ctx context.Context, service string, _ ...registry.FollowOption) (bool, error) {
	b.asked.Add(1)
	select {
	case <-time.After(b.slow):
	case <-ctx.Done():
		return false, ctx.Err()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.knows[service], b.err
}

func (b *catalogue) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

func newCatalogue(services ...string) *catalogue {
	b := &catalogue{knows: map[string]bool{}}
	var all []*registry.Service
	for _, name := range services {
		b.knows[name] = true
		all = append(all, &registry.Service{Name: name, Nodes: []*registry.Node{{Address: "10.0.0.1:80"}}})
	}
	b.Source = Static(all...)
	return b
}

// withSource returns a Resolver that the test closes.
func withSource(t *testing.T, src Source, opts ...Option) *Resolver {
	t.Helper()
	r := New(src, opts...)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func wantFound(t *testing.T, r *Resolver, name string, want error) {
	t.Helper()
	if _, err := r.Resolve(t.Context(), name); !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", name, err, want)
	}
}

// unknownFor is how long an unknown name is remembered at most.
const unknownFor = 2 * unknown.Generation

// The source is asked once a second about a name that is asked for all the time, and
// more seldom where there are many: about a hundred times a second in all.
func TestUnknownNamesAreAskedForSeldom(t *testing.T) {
	const seconds = 20
	for _, names := range []int{1, 100, 1000, 3000} {
		t.Run(fmt.Sprint(names), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := newCatalogue("shop")
				r := withSource(t, src)
				for range seconds {
					for i := range names {
						wantFound(t, r, fmt.Sprint(i), registry.ErrNotFound)
					}
					time.Sleep(time.Second)
				}
				if n := src.asked.Load(); n > int64(names+seconds*min(names, 100)) {
					t.Errorf("%d questions in %d s", n, seconds)
				}
				before := src.asked.Load()
				wantFound(t, r, "shop", nil)
				if n := src.asked.Load() - before; n != 1 {
					t.Errorf("%d questions for a service", n)
				}
			})
		})
	}
}

// A name that comes to exist is known within a second.
func TestUnknownNamesAreFoundWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newCatalogue()
		r := withSource(t, src)
		wantFound(t, r, "shop", registry.ErrNotFound)
		src.set(func() { src.knows["shop"], src.Source = true, newCatalogue("shop").Source })
		time.Sleep(time.Second - time.Nanosecond)
		wantFound(t, r, "shop", registry.ErrNotFound)
		time.Sleep(time.Nanosecond)
		wantFound(t, r, "shop", nil)
	})
}

// That holds also where thousands of other names were asked for a moment ago.
func TestUnknownNamesAreFoundAfterManyOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newCatalogue()
		r := withSource(t, src)
		wantFound(t, r, "shop", registry.ErrNotFound)
		for i := range 3000 {
			wantFound(t, r, fmt.Sprint(i), registry.ErrNotFound)
		}
		src.set(func() { src.knows["shop"], src.Source = true, newCatalogue("shop").Source })
		time.Sleep(time.Second)
		wantFound(t, r, "shop", nil)
	})
}

// Names are forgotten when no call asks for them, and there are never too many.
func TestUnknownNamesAreLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := withSource(t, newCatalogue())
		for i := range unknown.Max + 1000 {
			wantFound(t, r, fmt.Sprint(i), registry.ErrNotFound)
		}
		synctest.Wait()
		if n := r.hub.Counts().Unknown; n > unknown.Max {
			t.Errorf("%d are remembered, want %d at most", n, unknown.Max)
		}
		time.Sleep(unknownFor)
		synctest.Wait()
		if n := r.hub.Counts().Unknown; n > 0 {
			t.Errorf("%d are remembered after %v", n, unknownFor)
		}
	})
}

// Callers that ask for one name at the same time make one question, and one that gives up
// does not spoil the answer for the others.
func TestUnknownNamesAreAskedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newCatalogue()
		src.slow = time.Second
		r := withSource(t, src)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := r.Resolve(ctx, "shop"); !errors.Is(err, context.Canceled) {
				t.Errorf("one that gave up: %v", err)
			}
		})
		synctest.Wait()
		for range 100 {
			all.Go(func() { wantFound(t, r, "shop", registry.ErrNotFound) })
		}
		synctest.Wait()
		cancel()
		all.Wait()
		if n := src.asked.Load(); n != 2 {
			t.Errorf("asked %d times, want once, and once more for one that gave up", n)
		}
	})
}

// A source that fails is asked again after a moment, and its error is not a "not found".
func TestUnknownNamesWhereTheSourceFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newCatalogue("shop")
		src.err = registry.ErrUnavailable
		r := withSource(t, src)
		for range 100 {
			wantFound(t, r, "shop", registry.ErrUnavailable)
		}
		if n := src.asked.Load(); n != 1 {
			t.Errorf("asked %d times in one moment", n)
		}
		src.set(func() { src.err = nil })
		time.Sleep(unknown.FailedAgo)
		wantFound(t, r, "shop", nil)
	})
}

// A source that cannot be asked is followed: for some names at a time, and not for long.
func TestUnknownNamesOfOtherSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := Static(&registry.Service{Name: "shop", Nodes: []*registry.Node{{Address: "10.0.0.1:80"}}})
		r := withSource(t, src)
		wantFound(t, r, "shop", nil)
		for i := range 1000 {
			wantFound(t, r, fmt.Sprint(i), registry.ErrNotFound)
			synctest.Wait()
		}
		if n := r.hub.Counts().Followed; n != 101 {
			t.Errorf("%d are followed", n)
		}
		time.Sleep(2 * unknownFor)
		if n := r.hub.Counts().Followed; n != 1 {
			t.Errorf("%d are followed after %v", n, 2*unknownFor)
		}
		wantFound(t, r, "shop", nil)
		if err := src.Update(&registry.Service{Name: "999", Nodes: []*registry.Node{{Address: "10.0.0.1:80"}}}); err != nil {
			t.Fatal(err)
		}
		wantFound(t, r, "999", nil)
	})
}

// Changes follows a service that does not exist, and lets it go in the end.
func TestChangesOfAUnknownName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newCatalogue()
		r := withSource(t, src)
		wantFound(t, r, "shop", registry.ErrNotFound)
		ctx, cancel := context.WithCancel(t.Context())
		views := make(chan *View, 10)
		go func() {
			defer close(views)
			for v := range r.Changes(ctx, "shop") {
				views <- v
			}
		}()
		if v := <-views; len(v.Nodes()) != 0 {
			t.Errorf("%v", v.Nodes())
		}
		wantFound(t, r, "shop", registry.ErrNotFound)
		if err := src.Source.(*StaticSource).Update(&registry.Service{Name: "shop", Nodes: []*registry.Node{{Address: "a:80"}}}); err != nil {
			t.Fatal(err)
		}
		if v := <-views; len(v.Nodes()) != 1 {
			t.Errorf("%v", v.Nodes())
		}
		wantFound(t, r, "shop", nil)
		if n := src.asked.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
		cancel()
		for range views {
		}
		for range r.Changes(t.Context(), "other") {
			break
		}
		if n := r.hub.Counts().Followed; n != 1 {
			t.Errorf("%d are followed", n)
		}
	})
}

// A miss costs the same whether it is the first or the ten thousandth.
func BenchmarkMiss(b *testing.B) {
	for _, before := range []int{0, 10_000} {
		b.Run(fmt.Sprint("after ", before), func(b *testing.B) {
			r := New(newCatalogue("shop"))
			b.Cleanup(func() { _ = r.Close() })
			for i := range before {
				_, _ = r.Resolve(b.Context(), fmt.Sprint("before-", i))
			}
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				i++
				if _, err := r.Resolve(b.Context(), fmt.Sprint(i)); !errors.Is(err, registry.ErrNotFound) {
					b.Fatal(err)
				}
			}
		})
	}
}
