//go:build unix

package registry_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// registerServices registers services of one node each, by so many callers at once.
func registerServices(b *testing.B, r *registry.Redis, services, callers int) {
	var all sync.WaitGroup
	for first := range callers {
		all.Go(func() {
			for i := first; i < services; i += callers {
				if err := r.Register(b.Context(), fleet(fmt.Sprint("shop", i), 1)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// BenchmarkRegisterServices is the first Register of a service of one node, in a registry
// that registers many: what one costs should not grow with how many there are.
func BenchmarkRegisterServices(b *testing.B) {
	for _, callers := range []int{1, 16} {
		for _, services := range []int{1000, 10_000} {
			b.Run(fmt.Sprintf("callers=%d/services=%d", callers, services), func(b *testing.B) {
				s := redistest.Start(b)
				before := used(b)
				var cpu time.Duration
				for b.Loop() {
					r := registry.NewRegistry(registry.Addrs(s.Addr()), registry.Timeout(patience))
					registerServices(b, r, services, callers)
					b.StopTimer()
					cpu += used(b) - before
					if err := r.Close(context.Background()); err != nil {
						b.Fatal(err)
					}
					before = used(b)
					b.StartTimer()
				}
				each := float64(b.N * services)
				b.ReportMetric(float64(b.Elapsed().Microseconds())/each, "us/service")
				b.ReportMetric(float64(cpu.Microseconds())/each, "cpu-us/service")
			})
		}
	}
}

// BenchmarkRenewServices is the share of a core that renewals of many services of one node
// take, with the default TTL of 15 s, over three intervals.
func BenchmarkRenewServices(b *testing.B) {
	for _, services := range []int{1000, 10_000} {
		b.Run(fmt.Sprint("services=", services), func(b *testing.B) {
			r := benched(b, redistest.Start(b))
			registerServices(b, r, services, 16)
			began, before := time.Now(), used(b)
			for b.Loop() {
				<-time.After(15 * time.Second)
			}
			share := float64(used(b)-before) / float64(time.Since(began))
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(100*share, "%core")
			b.ReportMetric(1e6*share*5/float64(services), "cpu-us/renewal")
		})
	}
}
