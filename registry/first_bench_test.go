package registry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// BenchmarkFirstView opens a registry and watches a service until all of its nodes, with 5
// tags each, are known.
func BenchmarkFirstView(b *testing.B) {
	for _, nodes := range []int{1, 1000, 10_000} {
		b.Run(fmt.Sprintf("nodes=%d", nodes), func(b *testing.B) {
			server := redistest.Start(b)
			enroll(b, benched(b, server), tagged(nodes), registry.RegisterTTL(time.Hour), registry.RegisterManual())
			for b.Loop() {
				r := registry.NewRegistry(registry.Addrs(server.Addr()), registry.Timeout(patience))
				w, err := r.Watch(b.Context(), registry.WatchService("shop"))
				if err != nil {
					b.Fatal(err)
				}
				for range nodes {
					if _, err := w.Next(); err != nil {
						b.Fatal(err)
					}
				}
				b.StopTimer()
				if err := r.Close(b.Context()); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}

// tagged is a service whose nodes have 5 tags.
func tagged(nodes int) *registry.Service {
	s := fleet("shop", nodes)
	for i, n := range s.Nodes {
		n.Zone, n.Metadata = "eu-1a", map[string]string{
			"commit": fmt.Sprintf("%08x", i), "protocol": "http", "team": "orders", "region": "eu-west-1", "stage": "production",
		}
	}
	return s
}
