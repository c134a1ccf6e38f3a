package discovery

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/rollcall-go/rollcall/registry"
)

func all(*registry.Node) bool { return true }

// A selection that is in use is computed once, however many others come.
func TestHotSelectionsStay(t *testing.T) {
	r := started(t, manyNodes(10), P2C())
	var asked atomic.Int64
	hot := Filter(func(*registry.Node) bool { asked.Add(1); return true })
	pick := func(opts ...PickOption) {
		t.Helper()
		p, err := r.Pick(t.Context(), "shop", opts...)
		if err != nil {
			t.Fatal(err)
		}
		p.Done(nil)
	}
	for range 500 { // before
		pick(Filter(all))
	}
	for range 1000 {
		pick(hot)
		pick(Filter(all))
	}
	for range 1000 { // while it rests
		pick(Filter(all))
	}
	pick(hot)
	if n := asked.Load(); n != 10 {
		t.Errorf("the filter was asked %d times about 10 nodes", n)
	}
}

// If more selections are in use than are remembered, all are served.
func TestSelectionsThatAreTooMany(t *testing.T) {
	r := started(t, manyNodes(3), Random())
	for i := range 10 * 128 {
		for range 2 {
			want := fmt.Sprintf("10.0.0.%d:80", i%3)
			p, err := r.Pick(t.Context(), "shop", Filter(func(n *registry.Node) bool { return n.Address == want }))
			if err != nil || p.Node().Address != want {
				t.Fatalf("picked %v, %v, want %s", p.Node(), err, want)
			}
			p.Done(nil)
		}
	}
}

// A filter runs under no lock: it may pick and resolve by itself, and wait for another
// pick that works out the same selection.
func TestFiltersRunUnderNoLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(manyNodes(10))
		defer func() { _ = r.Close() }()
		inner := Filter(all)
		both := make(chan struct{})
		var callers atomic.Int32
		outer := Filter(func(n *registry.Node) bool {
			if n.ID == "10.0.0.0:80" && callers.Add(1) == 2 {
				close(both)
			}
			<-both
			p, err := r.Pick(t.Context(), "shop", inner)
			if err != nil {
				t.Error(err)
			}
			p.Done(nil)
			return true
		})
		for range 2 {
			go func() {
				p, err := r.Pick(t.Context(), "shop", outer)
				if err != nil {
					t.Error(err)
				}
				p.Done(nil)
			}()
		}
		synctest.Wait()
		if callers.Load() != 2 {
			t.Errorf("%d picks work the selection out, want both", callers.Load())
		}
	})
}

// A pick of a selection that is in use, when others have filled the memory, and one of
// a selection that comes once.
func BenchmarkSelection(b *testing.B) {
	for _, n := range []int{10, 1000} {
		r, ctx := started(b, manyNodes(n), P2C()), b.Context()
		pick := func(f *FilterOption) {
			p, err := r.Pick(ctx, "shop", f)
			if err != nil {
				b.Fatal(err)
			}
			p.Done(nil)
		}
		for range 1000 {
			pick(Filter(all))
		}
		b.Run(fmt.Sprintf("hot/%d", n), func(b *testing.B) {
			hot := Filter(all)
			b.ReportAllocs()
			for b.Loop() {
				pick(hot)
			}
		})
		b.Run(fmt.Sprintf("once/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				pick(Filter(all))
			}
		})
	}
}
