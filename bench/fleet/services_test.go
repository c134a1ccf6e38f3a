package fleet

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/bench/measure"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// BenchmarkServices has one registry register services of one node, by 16 callers at once
// (registered-s), and then renew them for ten seconds (client-%core), with the default TTL.
func BenchmarkServices(b *testing.B) {
	for _, n := range []int{1000, 3000, 10_000} {
		b.Run(fmt.Sprint(n, "/rollcall"), func(b *testing.B) {
			s := redistest.Start(b)
			r := open(b, s)
			start := time.Now()
			var callers sync.WaitGroup
			for first := range 16 {
				callers.Go(func() {
					for i := first; i < n; i += 16 {
						node := &registry.Node{Address: measure.NodeID(0), Metadata: measure.Tags}
						if err := r.Register(b.Context(), &registry.Service{Name: fmt.Sprint("shop-", i), Nodes: []*registry.Node{node}}); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			callers.Wait()
			took := time.Since(start)
			before := used(b, s)
			<-time.After(2 * registry.DefaultTTL / 3)
			used(b, s).report(b, before)
			only(b)
			b.ReportMetric(took.Seconds(), "registered-s")
		})
	}
}

// BenchmarkWatcher is what a client that watches a service of one node holds: connections
// (connections/watcher), and its part of the heap (KB/watcher).
func BenchmarkWatcher(b *testing.B) {
	const watchers = 200
	for product, client := range map[string]func(b *testing.B, s *redistest.Server){
		"rollcall": func(b *testing.B, s *redistest.Server) {
			w, err := open(b, s).Watch(b.Context(), registry.WatchService(service))
			if err != nil {
				b.Fatal(err)
			}
			if _, err := w.Next(); err != nil {
				b.Fatal(err)
			}
			goUntilEnd(b, w.Stop, func() { _, _ = w.Next() })
		},
		"bare-subscription": func(b *testing.B, s *redistest.Server) {
			c := redis.NewClient(&redis.Options{Addr: s.Addr()})
			sub := c.Subscribe(b.Context(), service)
			if _, err := sub.Receive(b.Context()); err != nil {
				b.Fatal(err)
			}
			goUntilEnd(b, func() { _ = sub.Close(); _ = c.Close() }, func() { _, _ = sub.Receive(b.Context()) })
		},
	} {
		b.Run("1/"+product, func(b *testing.B) {
			s := redistest.Start(b)
			register(b, open(b, s), changed(0, 0))
			connections := func() float64 { return measure.Info(b, s.Client(), "clients", "connected_clients") }
			connected, heap := connections(), measure.Heap()
			for range watchers {
				client(b, s)
			}
			only(b)
			b.ReportMetric((connections()-connected)/watchers, "connections/watcher")
			b.ReportMetric((measure.Heap()-heap)/watchers/1e3, "KB/watcher")
		})
	}
}
