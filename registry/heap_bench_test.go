package registry_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// BenchmarkHeap says what a node of a service with 1,000 nodes, 5 tags each, takes in the
// heap of a process that watches the service, or calls it. Of one alike all nodes have the
// same tags.
func BenchmarkHeap(b *testing.B) {
	const nodes = 1000
	watched := func(b *testing.B, r *registry.Redis) {
		w, err := r.Watch(b.Context(), registry.WatchService("shop"))
		if err != nil {
			b.Fatal(err)
		}
		for range nodes {
			if _, err := w.Next(); err != nil {
				b.Fatal(err)
			}
		}
	}
	called := func(b *testing.B, r *registry.Redis) {
		resolver := discovery.New(r)
		b.Cleanup(func() { _ = resolver.Close() })
		if _, err := resolver.Pick(b.Context(), "shop"); err != nil {
			b.Fatal(err)
		}
	}
	for _, alike := range []bool{false, true} {
		server := redistest.Start(b)
		s := tagged(nodes)
		if alike {
			for _, n := range s.Nodes {
				n.Metadata["commit"] = "4f2c9d1"
			}
		}
		enroll(b, benched(b, server), s, registry.RegisterTTL(time.Hour), registry.RegisterManual())
		for by, use := range map[string]func(*testing.B, *registry.Redis){"watch": watched, "resolver": called} {
			b.Run(fmt.Sprintf("%s/alike=%v", by, alike), func(b *testing.B) {
				before := heap()
				for b.Loop() {
					use(b, benched(b, server))
				}
				b.ReportMetric((heap()-before)/float64(b.N)/nodes, "B/node")
			})
		}
	}
}

// heap is what is in use after the garbage is gone.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
