package discovery

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/rollcall-go/rollcall/registry"
)

// everyBalancer is one of each.
var everyBalancer = []Balancer{
	Random(), RoundRobin(), WeightedRandom(), WeightedRoundRobin(), P2C(), LeastLoaded(), Maglev(), Ring(1.25),
}

var sizesOfFleets = []int{10, 100, 1000, 10_000}

// manyNodes is a service of n nodes of three weights.
func manyNodes(n int) *StaticSource {
	s := &registry.Service{Name: "shop"}
	for i := range n {
		s.Nodes = append(s.Nodes, &registry.Node{Address: fmt.Sprintf("10.0.%d.%d:80", i/250, i%250), Weight: 10 + i%3*5})
	}
	return Static(s)
}

// started is a Resolver that knows the service.
func started(tb testing.TB, src Source, b Balancer) *Resolver {
	tb.Helper()
	r := New(src, WithBalancer(b))
	tb.Cleanup(func() { _ = r.Close() })
	if _, err := r.Resolve(tb.Context(), "shop"); err != nil {
		tb.Fatal(err)
	}
	return r
}

var someKeys = func() (keys [1024]string) {
	for i := range keys {
		keys[i] = "customer-" + strconv.Itoa(i)
	}
	return keys
}()

func BenchmarkResolve(b *testing.B) {
	for _, n := range sizesOfFleets {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			r, ctx := started(b, manyNodes(n), Random()), b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Resolve(ctx, "shop"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A Pick and its Done.
func BenchmarkPick(b *testing.B) {
	for _, balancer := range everyBalancer {
		for _, n := range sizesOfFleets {
			b.Run(fmt.Sprintf("%v/%d", balancer, n), func(b *testing.B) {
				r, ctx := started(b, manyNodes(n), balancer), b.Context()
				b.ReportAllocs()
				for b.Loop() {
					p, err := r.Pick(ctx, "shop")
					if err != nil {
						b.Fatal(err)
					}
					p.Done(nil)
				}
			})
		}
	}
}

// A Pick and its Done, whose calls are counted because Stats was called, and by many
// goroutines. BenchmarkPick is without.
func BenchmarkPickCounted(b *testing.B) {
	for _, counted := range []bool{false, true} {
		b.Run(fmt.Sprintf("counted=%v", counted), func(b *testing.B) {
			r, ctx := started(b, manyNodes(100), P2C()), b.Context()
			if counted {
				if _, err := r.Stats(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					p, err := r.Pick(ctx, "shop")
					if err != nil {
						b.Error(err)
						return
					}
					p.Done(nil)
				}
			})
		})
	}
}

// A Pick with a HashKey that is another for each call, and its Done.
func BenchmarkPickByKey(b *testing.B) {
	for _, balancer := range []Balancer{Maglev(), Ring(1.25)} {
		for _, n := range sizesOfFleets {
			b.Run(fmt.Sprintf("%v/%d", balancer, n), func(b *testing.B) {
				r, ctx := started(b, manyNodes(n), balancer), b.Context()
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					p, err := r.Pick(ctx, "shop", HashKey(someKeys[i%len(someKeys)]))
					if err != nil {
						b.Fatal(err)
					}
					p.Done(nil)
				}
			})
		}
	}
}

// Nothing on the way to a node and back allocates, also not the options of the call.
func TestNothingIsAllocated(t *testing.T) {
	check := func(t *testing.T, f func()) {
		t.Helper()
		if n := testing.AllocsPerRun(1000, f); n != 0 {
			t.Errorf("%v allocations, want none", n)
		}
	}
	for _, balancer := range everyBalancer {
		t.Run(balancer.String(), func(t *testing.T) {
			r, ctx := started(t, manyNodes(10), balancer), t.Context()
			if _, err := r.Stats(); err != nil { // calls are counted from now on
				t.Fatal(err)
			}
			i := 0
			key := func() string { i++; return someKeys[i%len(someKeys)] }
			call := func(p Picked, err error) {
				if err != nil {
					t.Error(err)
				}
				p.Done(nil)
			}
			check(t, func() {
				if _, err := r.Resolve(ctx, "shop"); err != nil {
					t.Error(err)
				}
			})
			check(t, func() { call(r.Pick(ctx, "shop")) })
			check(t, func() { call(r.Pick(ctx, "shop", HashKey(key()))) })
			check(t, func() { call(r.Pick(ctx, "shop", HashKey(key()), Zone("a"), P2C())) })
		})
	}
}
