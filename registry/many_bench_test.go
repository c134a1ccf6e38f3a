package registry_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// BenchmarkStartWatches starts the watches of many services, eight at once, until
// each has the first results. A watch takes about the same among many as among few.
func BenchmarkStartWatches(b *testing.B) {
	for _, services := range []int{500, 2000, 8000} {
		b.Run(fmt.Sprintf("services=%d", services), func(b *testing.B) {
			server := redistest.Start(b)
			r := benched(b, server)
			name := func(i int) string { return fmt.Sprint("shop-", i) }
			each := func(do func(i int) error) {
				var all sync.WaitGroup
				for first := range 8 {
					all.Go(func() {
						for i := first; i < services; i += 8 {
							if err := do(i); err != nil {
								b.Error(err)
							}
						}
					})
				}
				all.Wait()
			}
			each(func(i int) error {
				return r.Register(b.Context(), service(name(i), node("a")), registry.RegisterManual(), registry.RegisterTTL(time.Hour))
			})
			var took time.Duration
			for b.Loop() {
				b.StopTimer()
				reader := registry.NewRegistry(registry.Addrs(server.Addr()))
				b.StartTimer()
				began := time.Now()
				each(func(i int) error {
					_, err := reader.Watch(b.Context(), registry.WatchService(name(i)))
					return err
				})
				took += time.Since(began)
				b.StopTimer()
				if err := reader.Close(b.Context()); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(took.Microseconds())/float64(b.N*services), "us/watch")
		})
	}
}
