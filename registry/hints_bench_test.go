package registry_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// BenchmarkCrashToWatcher reports the median time from the end of a lease to the
// return of Next at a watcher, with keyspace events off and on.
func BenchmarkCrashToWatcher(b *testing.B) {
	const nodes, ttl = 40, time.Second
	for name, events := range map[string]bool{"timed": false, "hinted": true} {
		b.Run(name, func(b *testing.B) {
			redis := redistest.Start(b)
			open := func() *registry.Redis {
				r := registry.NewRegistry(registry.Addrs(redis.Addr()), registry.TTL(ttl), registry.KeyspaceEvents(events))
				b.Cleanup(func() { _ = r.Close(b.Context()) })
				return r
			}
			server, client := open(), open()
			if err := server.Register(b.Context(), service("shop", node("alive"))); err != nil {
				b.Fatal(err)
			}
			w, err := client.Watch(b.Context(), registry.WatchService("shop"))
			if err != nil {
				b.Fatal(err)
			}
			// Contact has to last before leases are checked, and hints to be subscribed to.
			<-time.After(4 * time.Second)
			var late []time.Duration
			for b.Loop() {
				for n := range nodes {
					if err := server.Register(b.Context(), service("shop", node(fmt.Sprint(n))), registry.RegisterManual()); err != nil {
						b.Fatal(err)
					}
					<-time.After(25 * time.Millisecond)
				}
				ends := map[string]time.Time{}
				for gone := 0; gone < nodes; {
					res, err := w.Next()
					if err != nil {
						b.Fatal(err)
					}
					switch id := res.Service.Nodes[0].ID; res.Action {
					case registry.Create:
						ends[id] = res.Timestamp.Add(ttl)
					case registry.Delete:
						late = append(late, time.Since(ends[id])) // one clock: Redis runs here
						gone++
					}
				}
			}
			slices.Sort(late)
			b.ReportMetric(float64(late[len(late)/2].Milliseconds()), "median-ms")
			b.ReportMetric(float64(late[len(late)-1].Milliseconds()), "max-ms")
		})
	}
}
